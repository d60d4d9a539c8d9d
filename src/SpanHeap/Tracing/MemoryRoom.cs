using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>How much traced memory may grow before a limit stops it: what the limit leaves, and what lies free in its own spans.</summary>
/// <remarks>
/// Thread safe. What may be made is foreseen when a cycle has marked, and looked at again as blocks are made: records and what the program
/// takes by hand come out of the same limit.
/// </remarks>
internal sealed class MemoryRoom(ArenaSource arenas, TracedSpanSource spans, long softLimit)
{
    // Not all free slots can be used by the kinds that will be wanted, and a scope goes on when the goal is passed: an eighth of the room is
    // left for that.
    private const long ShareLeft = 8;

    // However near a limit is, a cycle is due only after so much: else a heap that is full would do nothing but collect. Marking costs
    // in proportion to what lives, so the program gets on at least by a share of that: by a small one at a limit above which allocations
    // fail, as being slow is better.
    private const long LeastShare = 8;
    private const long LeastShareOfHard = 64;
    private const long LeastBytes = 64 * 1024;

    // Part of the limit below which what is left is too little for scopes that go on.
    private const long ShareOfNarrow = 16;

    private readonly long _hardLimit = (long)Math.Min((ulong)arenas.LimitBytes, long.MaxValue);

    /// <summary>Bytes of blocks that may be made until the next cycle, when so many are live.</summary>
    public long After(long live) => Math.Min(After(live, softLimit, LeastShare), After(live, _hardLimit, LeastShareOfHard));

    /// <summary>Whether little is left although not so much was made as was foreseen.</summary>
    /// <param name="live">Bytes of blocks that live as far as is known.</param>
    /// <param name="taken">Those of them made since the last cycle.</param>
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

    private long Room(long live, long limit) => limit - (long)arenas.BytesInUse + arenas.KeptHugeBytes + spans.BytesInUse - live;
}
