using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// The cursors of a cache for some span classes with adjacent numbers. It is made when the cache first takes slots of one of them, so that the size of a
/// thread's record depends on the span classes that the thread uses.
/// </summary>
/// <remarks>
/// Until then all caches of the process share one block, whose cursors have no slot, so the fast path needs no check. Nothing is ever written to
/// that block.
/// </remarks>
internal static unsafe class CursorBlock
{
    /// <summary>The number of span classes that a block has cursors for.</summary>
    public const uint Classes = 1 << ClassesShift;

    public const int ClassesShift = 6;

    /// <summary>The bytes of a block.</summary>
    public static readonly nuint Bytes = Classes * (nuint)sizeof(AllocCursor);

    private static readonly AllocCursor* s_empty = (AllocCursor*)NativeMemory.AllocZeroed(Classes, (nuint)sizeof(AllocCursor));

    /// <summary>The block that is used where a cache has none.</summary>
    public static AllocCursor* Empty => s_empty;

    /// <summary>The first span class whose cursor is in the next block.</summary>
    public static uint FirstClassAfter(uint spanClass) => (spanClass & ~(Classes - 1)) + Classes;

    /// <summary>Ensures that a cache has a cursor for a span class. Called by the cache's thread, in a scope.</summary>
    /// <returns>False if there is no memory for it.</returns>
    public static bool TryMake(TracedCache* cache, uint spanClass, MetadataAllocator metadata)
    {
        if (TracedCache.HasCursor(cache, spanClass))
        {
            return true;
        }

        AllocCursor* block = (AllocCursor*)metadata.Allocate(Bytes);
        if (block == null)
        {
            return false;
        }

        *TracedCache.BlockOf(cache, spanClass) = (nint)block;
        Invariant.Assert(TracedCache.HasCursor(cache, spanClass), "The block stands where the fast path looks.");
        return true;
    }
}
