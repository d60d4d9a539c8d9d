using System.Numerics;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Gating;

/// <summary>
/// The slots that caches have taken and not used: they have alloc bits and are no blocks yet. While a concurrent marking is on, they are marked, because a
/// thread may make a block there at any moment without a look at anything.
/// </summary>
/// <remarks>Used by the collector, while the gate is closed and no cache is stale.</remarks>
internal sealed unsafe class UnusedSlots(TracedCaches caches, Pacer pacer)
{
    /// <summary>Marks them.</summary>
    /// <returns>The bytes of slots that were used since the last collection.</returns>
    public long MarkAll(uint bitmap) => Visit(bitmap, marks: true);

    /// <summary>Removes the marks of those that have not been used.</summary>
    /// <returns>
    /// The bytes of slots that were used since the last collection. The excess over what <see cref="MarkAll"/> returned was used meanwhile, and is marked.
    /// </returns>
    public long Unmark(uint bitmap) => Visit(bitmap, marks: false);

    private long Visit(uint bitmap, bool marks)
    {
        long used = pacer.BytesTaken;
        for (TracedCache* cache = caches.LastUsed; cache != null; cache = TracedCaches.UsedBefore(cache))
        {
            used += cache->BytesTaken + cache->Nursery.Bytes;
            CursorWalk cursors = new(cache);
            while (cursors.MoveNext())
            {
                AllocCursor* cursor = cursors.Current;
                if (cursor->Free != 0)
                {
                    ulong* word = TracedBits.WordOf(cursor->Base, bitmap);
                    *word = marks ? *word | cursor->Free : *word & ~cursor->Free;
                    used -= BitOperations.PopCount(cursor->Free) * (long)cursor->Span->Span.SlotSize;
                }
            }
        }

        return used;
    }
}
