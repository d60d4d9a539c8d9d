using System.Numerics;
using SpanHeap.Layouts;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// Which blocks a program may refer to, for who looks at a heap as a whole: those that the last marking reached, and those made since.
/// No thread is in a scope, or nobody uses the heap; nobody sweeps.
/// </summary>
/// <remarks>
/// <para>
/// All of them, and but for slots that a cache took and has not used nothing else, have their bit in the plane that a swept span of this
/// generation says "allocated" in: in a swept span because sweeping made the marks that, in one that is not yet swept because they
/// are the marks, and blocks are made in swept spans only.
/// </para>
/// <para>
/// They refer to each other only. Marking ended when what marked blocks refer to was marked. A thread has its references from roots,
/// from live blocks and from what it made itself, and no collection passes while it has them: so what it stores is live. And none of
/// them is freed before the next marking. Blocks that are dead and not swept may refer to what is swept already: their bits are in the
/// other plane.
/// </para>
/// </remarks>
internal sealed unsafe class LiveBlocks(TracedHeap heap)
{
    private readonly HashSet<nint> _unused = FindUnused(heap);

    public TracedHeap Heap => heap;

    /// <summary>The plane with their bits.</summary>
    public uint Plane { get; } = SweepGeneration.AllocPlane(heap.Sweeper.Generation);

    /// <summary>Whether a cache took the slot, and no block has been made in it.</summary>
    public bool IsUnused(nint slot) => _unused.Contains(slot);

    /// <summary>Whether an address is the start of a live block; with the block's span.</summary>
    public bool TryFind(nint address, out TracedSpan* span) =>
        TracedLookup.TryFind(address, heap.Serial, out span, out nint slot) && slot == address && TracedBits.IsSet(address, Plane) && !IsUnused(address);

    private static HashSet<nint> FindUnused(TracedHeap heap)
    {
        HashSet<nint> unused = [];
        for (TracedCache* cache = heap.Caches.Last; cache != null; cache = cache->Previous)
        {
            CursorWalk cursors = new(cache);
            while (cursors.MoveNext())
            {
                AllocCursor* cursor = cursors.Current;
                for (ulong free = cursor->Free; free != 0; free &= free - 1)
                {
                    unused.Add(cursor->Base + (BitOperations.TrailingZeroCount(free) * TracedBits.Granule));
                }
            }
        }

        return unused;
    }
}
