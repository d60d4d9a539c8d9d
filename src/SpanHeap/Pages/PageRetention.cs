using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// Learns how many free pages are worth their memory although they have been idle for a while: as many as the program has lately wanted again soon
/// after it freed them. A program that uses large buffers now and then does not pay a page fault for each of their pages every time, and one that
/// has become idle keeps nothing.
/// </summary>
/// <remarks>
/// <para>
/// In each round it adds up what was wanted again: free pages with memory that were taken, and pages without memory that were taken while pages which
/// rounds had given back not long before would have served. The greatest sum of the last <see cref="Rounds"/> rounds is what stays.
/// </para>
/// <para>For maintenance rounds, of which there is one at a time. The counts are read under the lock of the <see cref="PageStore"/>.</para>
/// </remarks>
internal sealed class PageRetention(PageStore store)
{
    /// <summary>The number of rounds after which pages that were not wanted again are given back. There are two in a scavenge delay.</summary>
    public const int Rounds = 16;

    /// <summary>The maximum number of bytes that stay.</summary>
    public const long MaxBytes = 256L << 20;

    private readonly PageCounters _counters = store.Counters;

    // By round, modulo their number: the pages that were wanted again, and those that the round gave back.
    private readonly long[] _wanted = new long[Rounds];
    private readonly long[] _discarded = new long[Rounds];

    private int _round;
    private long _freeBefore;
    private long _takenBefore;

    // Of the pages that were given back in these rounds, those whose like the program has not taken since.
    private long _missable;

    /// <summary>The number of free pages that stay.</summary>
    public long Pages { get; private set; }

    /// <summary>Notes that the current round has given pages back because they were idle.</summary>
    public void NoteDiscarded(int pages)
    {
        _discarded[_round] += pages;
        _missable += pages;
    }

    /// <summary>Begins a round, and decides how many free pages it leaves.</summary>
    public void BeginRound()
    {
        store.Lock.Enter();
        long free = _counters.Free;
        long lowest = Math.Min(free, _counters.LowestFree);
        long taken = _counters.TakenWithoutMemory;
        _counters.LowestFree = free;
        store.Lock.Exit();

        long served = Math.Clamp(_freeBefore - lowest, 0, Pages);
        long missed = Math.Min(taken - _takenBefore, _missable);
        _missable -= missed;
        _takenBefore = taken;
        _freeBefore = free;

        _round = (_round + 1) % Rounds;
        _wanted[_round] = served + missed;
        _discarded[_round] = 0;
        long mostMissable = 0;
        long mostWanted = 0;
        for (int i = 0; i < Rounds; i++)
        {
            mostMissable += _discarded[i];
            mostWanted = Math.Max(mostWanted, _wanted[i]);
        }

        _missable = Math.Min(_missable, mostMissable);
        Pages = Math.Min(mostWanted, MaxBytes >> PageGeometry.PageShift);
        Invariant.Assert(_missable >= 0 && Pages >= 0, "Pages are counted once.");
    }
}
