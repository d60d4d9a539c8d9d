using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Gives free pages back to the system, and the records of free pages; and finds free pages that have become resident without the heap.
/// Each call is a step of a walk over all pages, which goes on at an address that the caller keeps.
/// </summary>
/// <remarks>Thread safe: any number of walks may be under way. Call without a lock.</remarks>
internal sealed unsafe class PageScavenger(PageHeap pages, OsMemory os, DiscardBackoff discards, HeapClock clock)
{
    /// <summary>Ticks after which pages are tried again that the system has refused to take back; each time the double.</summary>
    public const uint FirstRetry = 4;

    /// <summary>Ticks between two tries at most.</summary>
    public const uint LongestRetry = 128;

    // What one run may cost in calls when the system refuses a part of it. (Halving costs 17 until one page of 256 stands alone.)
    private const int TriesPerRun = 32;

    // Pages of the system whose residency is asked for at a time: a byte of the stack for each.
    private const int MaxScanned = 4096;

    // Interlocked, by all walks.
    private long _pagesDiscarded;

    // The rounds', one at a time.
    private uint _retryPause;
    private uint _retryAt;
    private uint _retriedAt;

    /// <summary>Pages given back so far, again and again the same ones too.</summary>
    public long PagesDiscarded => Volatile.Read(ref _pagesDiscarded);

    /// <summary>Gives the next run of free pages back.</summary>
    /// <param name="from">Where to go on: 0 at first.</param>
    /// <param name="agedOnly">Only pages that have been idle since they were last noted, and were not refused.</param>
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
            GiveBack(run, ref tries);
        }

        return more;
    }

    /// <summary>Gives the records of the next arena back that is wholly free: it may have become so bit by bit.</summary>
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

    /// <summary>Looks whether the next run of free pages that were given back, or never touched, is resident all the same.</summary>
    /// <param name="from">Where to go on: 0 at first.</param>
    /// <param name="found">The pages that are. They count as free and resident from now on.</param>
    /// <returns>Whether there may be more; false also where the system does not tell.</returns>
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

        // In units of a page of ours or of the system, whichever is larger.
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

    /// <summary>Whether pages that were refused are to be tried again in the round that begins. For the maintenance round.</summary>
    public bool BeginRetry()
    {
        uint now = clock.Now;
        if (pages.PagesRefused == 0)
        {
            // Those of a retry are not refused until the system has answered, which takes a round.
            _retryPause = now > _retriedAt + 2 ? 0 : _retryPause;
            return false;
        }

        if (_retryPause != 0 && now < _retryAt)
        {
            return false;
        }

        bool retry = _retryPause != 0;
        _retryPause = Math.Clamp(_retryPause * 2, FirstRetry, LongestRetry);
        _retryAt = now + _retryPause;
        _retriedAt = retry ? now : _retriedAt;
        return retry;
    }

    // A run that is refused is halved, because it may be one page that the system will not take: it is locked, or shared with a device.
    private void GiveBack(in PageRun run, ref int tries)
    {
        tries--;
        InterleavingPoints.At(InterleavingPoint.RunTaken);
        bool discarded = discards.TryDiscard(run.Address, run.Bytes);
        InterleavingPoints.At(InterleavingPoint.RunDiscarded);
        int unit = pages.Geometry.PagesPerSystemPage;
        if (!discarded && run.Pages > unit && tries > 0 && discards.MayTry)
        {
            int half = Math.Max(unit, run.Pages / 2 / unit * unit);
            GiveBack(run with { Pages = half }, ref tries);
            GiveBack(run with { Address = run.Address + ((nint)half << PageGeometry.PageShift), Pages = run.Pages - half }, ref tries);
            return;
        }

        if (discarded)
        {
            Interlocked.Add(ref _pagesDiscarded, run.Pages);
            GiveRecordsBack(run);
        }

        pages.FinishScavenge(run, discarded, zero: discarded && OsMemory.DiscardedPagesAreZero);
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
