using System.Diagnostics;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>Remembers that scopes held up collections: when the next attempt may be made, and what is to be reported to the program.</summary>
/// <remarks>Noted by the thread that has the turn. Any thread takes a report, to raise it without a lock.</remarks>
internal sealed unsafe class HeldUpReports(CollectionTurn turn, ScopeWatchdog watchdog, Pacer pacer)
{
    // In Stopwatch ticks. Written by any thread: the first by all attempts, the second by those that were made once a limit was reached.
    private long _retryAt;
    private long _retryAtLimitAt;

    // Set and taken by interlocked operations.
    private CollectionHeldUpEventArgs? _report;

    /// <summary>
    /// Whether it is too early for another attempt at a due collection. A limit that is reached while threads rest because of growth ends their rest: otherwise
    /// they would fill the heap meanwhile, and the next scope would find no memory.
    /// </summary>
    public bool IsResting => Stopwatch.GetTimestamp() < Volatile.Read(ref pacer.IsLimitReached ? ref _retryAtLimitAt : ref _retryAt);

    /// <summary>Notes that an attempt was given up, and how long none is made.</summary>
    /// <param name="holdUp">The cache of the thread in whose scope it was.</param>
    /// <param name="cycles">The number of collections so far.</param>
    /// <param name="waited">How long the attempt took.</param>
    /// <param name="rest">How long none is made.</param>
    public void Note(TracedCache* holdUp, long cycles, TimeSpan waited, TimeSpan rest)
    {
        turn.NoteHeldUp();
        Rest(rest);
        if (watchdog.TryReport(holdUp, cycles, waited) is { } report)
        {
            Volatile.Write(ref _report, report);
        }
    }

    /// <summary>Notes how long no attempt is made. Called by any thread.</summary>
    public void Rest(TimeSpan time)
    {
        long retryAt = Stopwatch.GetTimestamp() + (time.Ticks * Stopwatch.Frequency / TimeSpan.TicksPerSecond);
        Volatile.Write(ref _retryAt, retryAt);
        if (pacer.IsLimitReached)
        {
            Volatile.Write(ref _retryAtLimitAt, retryAt);
        }
    }

    /// <summary>Takes a report that was not taken yet; null if there is none.</summary>
    public CollectionHeldUpEventArgs? Take() => Volatile.Read(ref _report) == null ? null : Interlocked.Exchange(ref _report, null);
}
