using SpanHeap.Spans;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Pacing;

/// <summary>How much traced memory may grow before a limit stops it: what the limit leaves, and what lies free in its own spans.</summary>
/// <remarks>
/// Thread safe. The room is estimated when a cycle has marked, and checked again as blocks are made, because records and manual blocks count
/// against the same limit.
/// </remarks>
internal sealed class MemoryRoom(HeapLimit heapLimit, TracedSpanSource spans, long softLimit)
{
    // Not all free slots suit the span classes that will be wanted, and a scope goes on after the goal is passed: an eighth of the room is left for that.
    private const long ShareLeft = 8;

    // However near a limit is, a cycle is due only after this much: otherwise a full heap would do nothing but collect. Marking costs in proportion
    // to what lives, so the program advances at least by a share of that: a small share at a limit above which allocations fail, because it is
    // better to be slow.
    private const long LeastShare = 8;
    private const long LeastShareOfHard = 64;
    private const long LeastBytes = 64 * 1024;

    // If less than this fraction of the limit is left, that is too little for scopes that go on.
    private const long ShareOfNarrow = 16;

    private readonly long _hardLimit = (long)Math.Min((ulong)heapLimit.LimitBytes, long.MaxValue);

    /// <summary>Gets the bytes of blocks that may be made until the next cycle, given the live bytes.</summary>
    public long After(long live) => Math.Min(After(live, softLimit, LeastShare), After(live, _hardLimit, LeastShareOfHard));

    /// <summary>Whether little is left, although less was made than estimated.</summary>
    /// <param name="live">The bytes of blocks that live, as far as is known.</param>
    /// <param name="taken">The bytes of them that were made since the last cycle.</param>
    public bool IsNarrow(long live, long taken) =>
        IsNarrow(live, taken, softLimit, LeastShare) || IsNarrow(live, taken, _hardLimit, LeastShareOfHard);

    private long After(long live, long limit, long leastShare)
    {
        if (limit == long.MaxValue)
        {
            return long.MaxValue;
        }

        long room = Room(live, limit);
        return Math.Max(room - (room / ShareLeft), Least(live, leastShare));
    }

    private bool IsNarrow(long live, long taken, long limit, long leastShare) =>
        limit != long.MaxValue && taken >= Least(live - taken, leastShare) && Room(live, limit) < limit / ShareOfNarrow;

    private static long Least(long live, long share) => Math.Max(live / share, LeastBytes);

    private long Room(long live, long limit) => limit - (long)heapLimit.BytesInUse + heapLimit.KeptHugeBytes + spans.BytesInUse - live;
}
