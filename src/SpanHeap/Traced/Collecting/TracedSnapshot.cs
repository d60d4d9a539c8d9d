using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>Reads the statistics of traced memory.</summary>
internal sealed class TracedSnapshot(
    Pacer pacer, Collector collector, TracedSpanSource spans, TracedCaches caches, RootTable roots, WeakTable weakHandles, CleanUpCounts cleanUps, CleanUpQueue queue, SweepStatistics sweeping)
{
    public TracedStatistics Take() => new()
    {
        LiveBytes = pacer.LiveBytes,
        GoalBytes = pacer.GoalBytes,
        Collections = collector.Cycles,
        MinorCollections = collector.MinorCycles,
        HeldUp = collector.HeldUp,
        LastPause = collector.Pauses.Last,
        LongestPause = collector.Pauses.Longest,
        TotalPause = collector.Pauses.Total,
        MedianPause = collector.Pauses.Percentile(0.5),
        Pause99 = collector.Pauses.Percentile(0.99),
        Pause999 = collector.Pauses.Percentile(0.999),
        AssistTime = pacer.Assists.Total,
        LongestAssist = pacer.Assists.Longest,
        Spans = spans.Count,
        Pages = spans.PagesInUse,
        Handles = roots.Count,
        RootArrays = roots.Arrays.Count,
        WeakHandles = weakHandles.Count,
        WeakHandlesCleared = weakHandles.Cleared,
        CleanUpsRegistered = cleanUps.Registered,
        CleanUpsQueued = queue.Count,
        CleanUpsRun = cleanUps.Run,
        CleanUpsFailed = cleanUps.Failed,
        CleanUpsCancelled = cleanUps.Cancelled,
        SmallBlocksFreed = sweeping.SmallBlocksFreed,
        SmallBytesFreed = sweeping.SmallBytesFreed,
        LargeBlocksFreed = sweeping.LargeBlocksFreed,
        LargeBytesFreed = sweeping.LargeBytesFreed,
        BytesFreedByScopes = caches.SumFreedByScopes(),
        SpansReleased = sweeping.SpansReleased,
        SpansSweptByRefill = sweeping.SpansSweptBy(SweepReason.Refill),
        SpansSweptByAllocation = sweeping.SpansSweptBy(SweepReason.Allocation),
        SpansSweptInBackground = sweeping.SpansSweptBy(SweepReason.Background),
        SpansSweptToFinish = sweeping.SpansSweptBy(SweepReason.Finish),
        SpansSweptByFlush = sweeping.SpansSweptBy(SweepReason.Flush),
    };
}
