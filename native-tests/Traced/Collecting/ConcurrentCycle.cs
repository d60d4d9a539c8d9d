using System.Diagnostics;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>A collection that marks while threads go on, step by step: between the steps the test does what threads do meanwhile.</summary>
internal static unsafe class ConcurrentCycle
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>A heap that collects only when it is asked to, in which each marking is repeated in a simple way.</summary>
    public static TracedHeap MakeHeap(HeapChecks checks = HeapChecks.Standard) => MakeHeap(nuint.MaxValue >> 2, checks);

    /// <summary>The same, in which a collection is due once so many bytes have been made.</summary>
    public static TracedHeap MakeHeap(nuint minimum, HeapChecks checks = HeapChecks.Standard) => new(new TracedHeapOptions
    {
        MinimumBytes = minimum,
        MarkThreads = 4,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        IdleDelay = Timeout.InfiniteTimeSpan,
        Checks = checks,
        VerifyMarking = true,
    });

    /// <summary>Begins one: roots are read, and nothing else is marked.</summary>
    public static void Begin(TracedHeap heap)
    {
        heap.Parts.Collector.AwaitEnd();
        Assert.True(heap.Parts.Gate.TryClose(s_patience, out _));
        heap.Parts.Cycle.BeginConcurrent();
        Assert.True(heap.Parts.Shading.IsOn);
    }

    /// <summary>Marks what can be found.</summary>
    public static void Mark(TracedHeap heap) => Assert.True(heap.Parts.Marking.TryMarkConcurrent(uint.MaxValue));

    /// <summary>Ends it, and sweeps all.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="hurries">Whether all that is left is marked while the gate is closed, however much it is.</param>
    public static void End(TracedHeap heap, bool hurries = false)
    {
        Assert.True(heap.Parts.Gate.TryClose(s_patience, out _));
        long closedAt = Stopwatch.GetTimestamp();
        if (hurries)
        {
            heap.Parts.Marking.MarkAllConcurrent();
        }
        else
        {
            Mark(heap);
        }
        heap.Parts.Cycle.CompleteConcurrent(closedAt);
        heap.Parts.Cycle.EndConcurrent(CollectionReason.Growth, flushAll: false, closedAt);
        Assert.False(heap.Parts.Shading.IsOn);
        heap.Verify();
        heap.FinishSweeping();
        heap.Verify();
    }

    /// <summary>Completes the marks, and lets threads go on while weak handles and clean-ups are still to be looked at.</summary>
    public static void JudgeRecords(TracedHeap heap)
    {
        Assert.True(heap.Parts.Gate.TryClose(s_patience, out _));
        long closedAt = Stopwatch.GetTimestamp();
        Mark(heap);
        heap.Parts.Cycle.CompleteConcurrent(closedAt);
        heap.Parts.Cycle.BeginTakingDead(closedAt);
        Assert.Equal((true, false), (heap.Parts.WeakHandles.IsJudged, heap.Parts.Shading.IsOn));
    }

    /// <summary>Ends it after weak handles and clean-ups have been looked at, and sweeps all.</summary>
    public static void EndJudged(TracedHeap heap)
    {
        Assert.True(heap.Parts.Gate.TryClose(s_patience, out _));
        heap.Parts.Cycle.EndConcurrent(CollectionReason.Growth, flushAll: false, Stopwatch.GetTimestamp());
        Assert.False(heap.Parts.WeakHandles.IsJudged);
        heap.Verify();
        heap.FinishSweeping();
        heap.Verify();
    }

    /// <summary>Gives it up.</summary>
    public static void Abandon(TracedHeap heap)
    {
        Assert.True(heap.Parts.Gate.TryClose(s_patience, out _));
        heap.Parts.Cycle.AbandonConcurrent(Stopwatch.GetTimestamp());
        Assert.False(heap.Parts.Shading.IsOn);
        heap.Verify();
    }
}
