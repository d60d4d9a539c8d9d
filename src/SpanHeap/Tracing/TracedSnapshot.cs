using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Reads the figures of traced memory.</summary>
internal static class TracedSnapshot
{
    public static TracedStatistics Take(TracedHeap heap) => new()
    {
        LiveBytes = heap.Pacer.LiveBytes,
        GoalBytes = heap.Pacer.GoalBytes,
        Collections = heap.Collector.Cycles,
        HeldUp = heap.Collector.HeldUp,
        LastPause = heap.Collector.LastPause,
        LongestPause = heap.Collector.LongestPause,
        TotalPause = heap.Collector.TotalPause,
        Spans = heap.Spans.Count,
        Pages = heap.Spans.PagesInUse,
        Handles = heap.Roots.Count,
        RootArrays = heap.Roots.Arrays.Count,
        WeakHandles = heap.WeakHandles.Count,
        WeakHandlesCleared = heap.WeakHandles.Cleared,
        CleanUpsRegistered = heap.CleanUps.Counts.Registered,
        CleanUpsQueued = heap.CleanUpQueue.Count,
        CleanUpsRun = heap.CleanUps.Counts.Run,
        CleanUpsFailed = heap.CleanUps.Counts.Failed,
        CleanUpsCancelled = heap.CleanUps.Counts.Cancelled,
        SmallBlocksFreed = heap.Statistics.SmallBlocksFreed,
        SmallBytesFreed = heap.Statistics.SmallBytesFreed,
        LargeBlocksFreed = heap.Statistics.LargeBlocksFreed,
        LargeBytesFreed = heap.Statistics.LargeBytesFreed,
        SpansReleased = heap.Statistics.SpansReleased,
        SpansSweptByRefill = heap.Statistics.SpansSweptBy(SweepReason.Refill),
        SpansSweptByAllocation = heap.Statistics.SpansSweptBy(SweepReason.Allocation),
        SpansSweptInBackground = heap.Statistics.SpansSweptBy(SweepReason.Background),
        SpansSweptToFinish = heap.Statistics.SpansSweptBy(SweepReason.Finish),
        SpansSweptByFlush = heap.Statistics.SpansSweptBy(SweepReason.Flush),
    };
}
