using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>How much traced memory may grow before a limit stops it: what the limit leaves, and what lies free in its own spans.</summary>
/// <remarks>An estimate, made when a cycle has marked. What the program takes by hand afterwards is not foreseen.</remarks>
internal sealed class MemoryRoom(ArenaSource arenas, TracedSpanSource spans, long softLimit)
{
    // Not all free slots can be used by the kinds that will be wanted, and a scope goes on when the goal is passed: an eighth of the room is
    // left for that.
    private const long ShareLeft = 8;

    // However near the limit is, a cycle is due only after so much: else a heap that is full would do nothing but collect. Marking costs
    // in proportion to what lives, so the program gets on at least by a share of that.
    private const long LeastShare = 8;
    private const long LeastBytes = 64 * 1024;

    /// <summary>Bytes of blocks that may be made until the next cycle, when so many are live.</summary>
    public long After(long live)
    {
        long limit = Math.Min(softLimit, (long)Math.Min((ulong)arenas.LimitBytes, long.MaxValue));
        if (limit == long.MaxValue)
        {
            return long.MaxValue;
        }

        long free = (spans.PagesInUse << PageGeometry.PageShift) - live;
        long room = limit - (long)arenas.BytesInUse + free;
        return Math.Max(room - (room / ShareLeft), Math.Max(live / LeastShare, LeastBytes));
    }
}
