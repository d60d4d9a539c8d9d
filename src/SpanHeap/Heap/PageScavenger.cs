using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>
/// Gives free pages, and the records of free pages, back to the system, and finds free pages that have become resident without the heap. Each call is
/// a step of a walk over all pages, which continues at an address that the caller keeps.
/// </summary>
/// <remarks>Thread safe: any number of walks may be in progress. Call without a lock.</remarks>
internal sealed unsafe class PageScavenger(
    PageScavenging pages, PageRetention retention, OsMemory os, DiscardBackoff discards, HeapEpoch clock)
{
    /// <summary>The number of ticks after which pages that the system has refused to take back are retried. It doubles each time.</summary>
    public const uint FirstRetry = 4;

    /// <summary>The maximum number of ticks between two tries.</summary>
    public const uint LongestRetry = 128;

    // The number of calls that one run may cost when the system refuses a part of it. (It takes 17 calls of halving to isolate one page of 256.)
    private const int TriesPerRun = 32;

    // The number of system pages whose residency is queried at a time; each takes a byte of the stack.
    private const int MaxScanned = 4096;

    // Interlocked, by all walks.
    private long _pagesDiscarded;

    // Used by the rounds, of which there is one at a time.
    private DoublingPause _retryPause = new(FirstRetry, LongestRetry);
    private uint _retriedAt;

    /// <summary>The number of pages given back so far, where a page counts each time.</summary>
    public long PagesDiscarded => Volatile.Read(ref _pagesDiscarded);

    /// <summary>Gives the next run of free pages back.</summary>
    /// <param name="from">The address to continue at; 0 at first.</param>
    /// <param name="agedOnly">Whether to take only pages that have been idle since they were last noted and were not refused.</param>
    /// <returns>Whether there may be more.</returns>
    public bool Scavenge(ref nint from, bool agedOnly)
    {
        if (!discards.MayTry)
        {
            return false;
        }

        bool more = pages.TakeForScavenge(ref from, agedOnly, out PageRun run);
        if (run.Pages > 0)
        {
            int tries = TriesPerRun;
            int discarded = GiveBack(run, ref tries);
            if (agedOnly)
            {
                retention.NoteDiscarded(discarded);
            }
        }

        return more;
    }

    /// <summary>Gives back the records of the next arena that is wholly free, which it may have become bit by bit.</summary>
    /// <returns>Whether there may be more.</returns>
    public bool ScavengeRecords(ref nint from)
    {
        if (!discards.MayTry)
        {
            return false;
        }

        bool more = pages.TakeEmptyArena(ref from, out PageRun run);
        if (run.Pages > 0)
        {
            GiveRecordsBack(run);
            pages.ReturnUntouched(run);
        }

        return more;
    }

    /// <summary>Checks whether the next run of free pages that were given back, or never touched, is resident all the same.</summary>
    /// <param name="from">The address to continue at; 0 at first.</param>
    /// <param name="found">The number of pages that are. They count as free and resident from now on.</param>
    /// <returns>Whether there may be more; false also where the system cannot tell.</returns>
    public bool FindResident(ref nint from, out int found)
    {
        found = 0;
        int perPage = Math.Max(1, PageGeometry.PageSize / (int)OsMemory.PageSize);
        bool more = pages.FindGivenBack(ref from, MaxScanned / perPage, out PageRun run);
        if (run.Pages == 0)
        {
            return more;
        }

        byte* resident = stackalloc byte[MaxScanned];
        if (!os.TryFindResident(run.Address, run.Bytes, resident))
        {
            return false;
        }

        // In units of one of our pages or one of the system's, whichever is larger.
        int pagesPerUnit = pages.Geometry.PagesPerSystemPage;
        int units = run.Pages / pagesPerUnit;
        for (int unit = 0; unit < units; unit++)
        {
            int start = unit;
            while (unit < units && IsAnyResident(resident + (unit * perPage), perPage))
            {
                unit++;
            }

            if (unit > start)
            {
                int count = (unit - start) * pagesPerUnit;
                pages.NoteResident(run.Address + ((nint)(start * pagesPerUnit) << PageGeometry.PageShift), count);
                found += count;
            }
        }

        return more;
    }

    /// <summary>Determines whether the round that begins should retry pages that were refused. For the maintenance round.</summary>
    public bool BeginRetry()
    {
        uint now = clock.Now;
        if (pages.PagesRefused == 0)
        {
            // The pages of a retry do not count as refused until the system has answered, which takes a round.
            if (now > _retriedAt + 2)
            {
                _retryPause.Reset();
            }

            return false;
        }

        if (_retryPause.IsSet && !_retryPause.HasEnded(now))
        {
            return false;
        }

        bool retry = _retryPause.IsSet;
        _retryPause.Lengthen(now);
        _retriedAt = retry ? now : _retriedAt;
        return retry;
    }

    // A run that is refused is halved, because it may contain one page that the system will not take: a page that is locked or shared with a device.
    // Returns the number of pages that went.
    private int GiveBack(in PageRun run, ref int tries)
    {
        tries--;
        InterleavingPoints.At(InterleavingPoint.RunTaken);
        bool discarded = discards.TryDiscard(run.Address, run.Bytes);
        InterleavingPoints.At(InterleavingPoint.RunDiscarded);
        int unit = pages.Geometry.PagesPerSystemPage;
        if (!discarded && run.Pages > unit && tries > 0 && discards.MayTry)
        {
            int half = Math.Max(unit, run.Pages / 2 / unit * unit);
            return GiveBack(run with { Pages = half }, ref tries)
                + GiveBack(run with { Address = run.Address + ((nint)half << PageGeometry.PageShift), Pages = run.Pages - half }, ref tries);
        }

        if (discarded)
        {
            Interlocked.Add(ref _pagesDiscarded, run.Pages);
            GiveRecordsBack(run);
        }

        pages.FinishScavenge(run, discarded, zero: discarded && OsMemory.DiscardedPagesAreZero);
        return discarded ? run.Pages : 0;
    }

    private void GiveRecordsBack(in PageRun run)
    {
        if (ArenaHeader.TryFindRecords(run, out nint start, out nuint bytes))
        {
            discards.TryDiscard(start, bytes);
        }
    }

    private static bool IsAnyResident(byte* resident, int count)
    {
        int any = 0;
        for (int i = 0; i < count; i++)
        {
            any |= resident[i];
        }

        return (any & 1) != 0;
    }
}
