using System.Numerics;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// The blocks that a program may refer to, for inspecting a heap as a whole: those that the last marking reached, and those made since. No thread
/// is in a scope, or none uses the heap; no thread sweeps.
/// </summary>
/// <remarks>
/// <para>
/// All of them have their bit in the bitmap that means "allocated" in a swept span of this generation; nothing else has, except slots that a cache
/// took and has not used. In a swept span this holds because sweeping turned the marks into alloc bits. In an unswept span the bits are the marks,
/// and blocks are only made in swept spans.
/// </para>
/// <para>
/// They refer only to each other. Marking ended when everything that marked blocks refer to was marked. A thread gets its references from roots,
/// from live blocks and from what it made itself, and no collection happens while it has them: so what it stores is live. None of them is freed
/// before the next marking. Dead unswept blocks may refer to what is already swept: their bits are in the other bitmap.
/// </para>
/// </remarks>
internal sealed unsafe class LiveBlocks(TracedRecords records)
{
    private readonly HashSet<nint> _unused = FindUnused(records.Caches);

    public TracedRecords Records => records;

    /// <summary>The bitmap with the bits of live blocks.</summary>
    public uint Bitmap { get; } = SweepGeneration.AllocBitmap(records.Sweeper.Generation);

    /// <summary>Whether a cache took the slot but no block has been made in it.</summary>
    public bool IsUnused(nint slot) => _unused.Contains(slot);

    /// <summary>Whether an address is the start of a live block; with the block's span.</summary>
    public bool TryFind(nint address, out TracedSpan* span) =>
        TracedLookup.TryFind(address, records.Heap.Serial, out span, out nint slot) && slot == address && TracedBits.IsSet(address, Bitmap) && !IsUnused(address);

    private static HashSet<nint> FindUnused(TracedCaches caches)
    {
        HashSet<nint> unused = [];
        for (TracedCache* cache = caches.Last; cache != null; cache = cache->Previous)
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
