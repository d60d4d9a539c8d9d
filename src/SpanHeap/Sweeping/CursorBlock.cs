using System.Diagnostics;
using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Sweeping;

/// <summary>
/// The cursors of a cache for some kinds with neighbouring numbers: made when the cache first takes slots of one of them, so that a
/// thread's record is as large as the kinds that the thread uses.
/// </summary>
/// <remarks>
/// Until then all caches of the process share one block, whose cursors have no slot: so the fast path asks no question. Nothing is ever
/// written to that block.
/// </remarks>
internal static unsafe class CursorBlock
{
    /// <summary>Kinds that a block has cursors for.</summary>
    public const uint Kinds = 1 << KindsShift;

    public const int KindsShift = 6;

    /// <summary>Bytes of a block.</summary>
    public static readonly nuint Bytes = Kinds * (nuint)sizeof(AllocCursor);

    private static readonly AllocCursor* s_empty = (AllocCursor*)NativeMemory.AllocZeroed(Kinds, (nuint)sizeof(AllocCursor));

    /// <summary>The block that stands where a cache has none.</summary>
    public static AllocCursor* Empty => s_empty;

    /// <summary>The first kind whose cursor is in the next block.</summary>
    public static uint FirstKindAfter(uint kind) => (kind & ~(Kinds - 1)) + Kinds;

    /// <summary>Makes sure that a cache has a cursor for a kind. By the cache's thread, in a scope.</summary>
    /// <returns>False when there is no memory for it.</returns>
    public static bool TryMake(TracedCache* cache, uint kind, MetadataAllocator metadata)
    {
        if (TracedCache.HasCursor(cache, kind))
        {
            return true;
        }

        AllocCursor* block = (AllocCursor*)metadata.Allocate(Bytes);
        if (block == null)
        {
            return false;
        }

        *TracedCache.BlockOf(cache, kind) = (nint)block;
        Debug.Assert(TracedCache.HasCursor(cache, kind), "The block stands where the fast path looks.");
        return true;
    }
}
