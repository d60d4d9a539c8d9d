using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>Counts the pages of a page heap by what they are at the moment, and the runs that are handed out by their kind.</summary>
/// <remarks>
/// Every field is written under the lock of the <see cref="PageStore"/>, by the step that changes what it counts. Any thread may read a
/// single count without the lock, with <see cref="Volatile"/>; several counts agree with each other only under the lock.
/// </remarks>
internal sealed class PageCounters
{
    /// <summary>Pages that are handed out and were not returned. Headers of arenas do not count.</summary>
    public long InUse;

    /// <summary>Runs that are handed out and were not returned.</summary>
    public long Runs;

    /// <summary>Free pages that are backed by memory.</summary>
    public long Free;

    /// <summary>
    /// Pages backed by memory that were handed out, less those that were returned, since <see cref="PageRetention"/> last looked.
    /// </summary>
    public long Taken;

    /// <summary>The greatest value of <see cref="Taken"/> since then.</summary>
    public long MostTaken;

    /// <summary>Pages that were handed out since then and were not backed by memory.</summary>
    public long TakenWithoutMemory;

    /// <summary>Free pages without memory: they were given back to the system, or never touched.</summary>
    public long GivenBack;

    /// <summary>Pages of arenas whose addresses are closed: they cannot be handed out before they are opened again.</summary>
    public long Closed;

    /// <summary>Pages that are held in order to be given back: neither free nor in use.</summary>
    public long Scavenged;

    /// <summary>The held pages that were backed by memory when they were taken.</summary>
    public long ResidentScavenged;

    /// <summary>Free or held pages that the system has refused to take back since they were last used.</summary>
    public long Refused;

    /// <summary>Arenas that have pages.</summary>
    public int Arenas;

    /// <summary>Arenas of which no page is in use or held.</summary>
    public int IdleArenas;

    /// <summary>How often the pages of an arena were searched for a run.</summary>
    public long ArenasSearched;

    /// <summary>How many words of bitmaps were read in order to find pages to give back.</summary>
    public long WordsScanned;

    private readonly RunCount[] _byKind = new RunCount[RunCount.Kinds];

    /// <summary>What is handed out of each kind. Read it under the lock.</summary>
    public ReadOnlySpan<RunCount> ByKind => _byKind;

    /// <summary>Counts runs and pages that are handed out, or (less than zero) returned, of a kind.</summary>
    public void Count(int kind, int runs, int pages)
    {
        _byKind[kind].Runs += runs;
        _byKind[kind].Pages += pages;
        Runs += runs;
        InUse += pages;
        Invariant.Assert(_byKind[kind] is { Runs: >= 0, Pages: >= 0 }, "No more is returned of a kind than was handed out.");
    }

    /// <summary>Counts a run that becomes longer, or (less than zero) shorter, and perhaps another kind's.</summary>
    public void Count(in RunChange change, int morePages)
    {
        Count(change.From, -1, -change.Pages);
        Count(change.To, 1, change.Pages + morePages);
    }

    /// <summary>All counts of one moment; the caller holds the lock. Held pages count as free.</summary>
    public PageCounts ToCounts() => new(InUse, Runs, Free + ResidentScavenged, GivenBack + Closed + Scavenged - ResidentScavenged, Arenas);
}
