using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// Learns how many free pages are worth their memory although they have been idle for a while: as many as the program has lately wanted again soon
/// after it freed them. A program that uses large buffers now and then does not pay a page fault for each of their pages every time, and one that
/// has become idle soon keeps nothing.
/// </summary>
/// <remarks>
/// <para>
/// In each round it adds up what was wanted again: free pages with memory, as many as were in use together beyond those at the start of the round; and
/// pages without memory that were taken while pages which rounds had given back not long before would have served. The greatest sum of the last
/// <see cref="Rounds"/> rounds is what stays. Where rounds come rarely, because the heap rests, each counts as many as would have come meanwhile.
/// </para>
/// <para>For maintenance rounds, of which there is one at a time. The counts are read under the lock of the <see cref="PageStore"/>.</para>
/// </remarks>
/// <param name="store">The pages.</param>
/// <param name="maxBytes">The maximum number of bytes that stay.</param>
internal sealed class PageRetention(PageStore store, long maxBytes)
{
    /// <summary>The number of rounds of maintenance in a scavenge delay, unless the heap rests.</summary>
    public const int RoundsPerDelay = 2;

    /// <summary>The number of rounds after which pages that were not wanted again are given back.</summary>
    public const int Rounds = 8 * RoundsPerDelay;

    /// <summary>The maximum number of bytes that stay in a heap without a limit.</summary>
    public const long MaxBytes = 256L << 20;

    private const long LimitShare = 4;

    private readonly PageCounters _counters = store.Counters;
    private readonly long _most = maxBytes >> PageGeometry.PageShift;

    // By round, modulo their number: the pages that were wanted again, and those that the round gave back.
    private readonly long[] _wanted = new long[Rounds];
    private readonly long[] _discarded = new long[Rounds];

    private int _round;
    private int _roundsSinceOld;

    // Of the pages that were given back in these rounds, those whose like the program has not taken since.
    private long _missable;

    /// <summary>The number of free pages that stay.</summary>
    public long Pages { get; private set; }

    /// <summary>
    /// Whether it is the turn of pages that are old: those that no one has taken since the turn before. They go although others stay, so that the pages
    /// that stay become those that are wanted.
    /// </summary>
    public bool IsForOld { get; private set; }

    /// <summary>Whether there was anything to choose in the last round or is in this one.</summary>
    public bool IsActive { get; private set; }

    /// <summary>Computes how many bytes may stay in a heap: a quarter of its limit, because what is free does not count towards it.</summary>
    public static long MostBytes(nuint memoryLimit) => memoryLimit == 0 ? MaxBytes : (long)nuint.Min((nuint)MaxBytes, memoryLimit / (nuint)LimitShare);

    /// <summary>Notes that the current round has given pages back because they were idle.</summary>
    public void NoteDiscarded(int pages)
    {
        _discarded[_round] += pages;
        _missable += pages;
    }

    /// <summary>Begins a round, and decides how many free pages it leaves.</summary>
    /// <param name="periods">The number of rounds that would have come since the last one if the heap had not rested.</param>
    public void BeginRound(int periods = 1)
    {
        store.Lock.Enter();
        long served = _counters.MostTaken;
        long taken = _counters.TakenWithoutMemory;
        _counters.Taken = _counters.MostTaken = _counters.TakenWithoutMemory = 0;
        store.Lock.Exit();

        for (int i = Math.Min(periods, Rounds); i > 0; i--)
        {
            _round = (_round + 1) % Rounds;
            _wanted[_round] = _discarded[_round] = 0;
        }

        _missable = Math.Min(_missable, Sum(_discarded));
        long missed = Math.Min(taken, _missable);
        _missable -= missed;
        _wanted[_round] = Math.Min(served, Pages) + missed;

        IsActive = Pages > 0;
        Pages = Math.Min(Max(_wanted), _most);
        IsActive |= Pages > 0;
        _roundsSinceOld = Pages > 0 ? _roundsSinceOld + 1 : 0;
        IsForOld = _roundsSinceOld == Rounds;
        _roundsSinceOld %= Rounds;
        Invariant.Assert(_missable >= 0 && Pages >= 0, "Pages are counted once.");
    }

    // Not by LINQ, which nothing else needs that runs in every process: it would be loaded at the first round.
    private static long Sum(long[] rounds)
    {
        long sum = 0;
        foreach (long round in rounds)
        {
            sum += round;
        }

        return sum;
    }

    private static long Max(long[] rounds)
    {
        long most = 0;
        foreach (long round in rounds)
        {
            most = Math.Max(most, round);
        }

        return most;
    }
}
