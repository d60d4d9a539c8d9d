using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Heaps that collect of themselves and mark while threads go on, and what tests do in them.</summary>
internal static class ConcurrentHeaps
{
    public const int Minimum = 256 << 10;

    /// <summary>How long a test waits for what a collection does in milliseconds.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>A heap with a small minimum, which does nothing of itself but collect, and repeats each marking in a simple way.</summary>
    public static TracedHeap Make() => Make(TimeSpan.FromSeconds(1));

    /// <inheritdoc cref="Make()"/>
    public static TracedHeap Make(TimeSpan patience) => Make(patience, Minimum);

    /// <summary>The same, and it collects only when it is asked to.</summary>
    public static TracedHeap MakeStill() => Make(TimeSpan.FromSeconds(1), nuint.MaxValue >> 2);

    /// <summary>Makes garbage until one more collection has ended.</summary>
    public static void MakeUntilCollected(TracedHeap heap)
    {
        long before = heap.GetStatistics().Collections;
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                MakeGarbage(heap, 100);
                return heap.GetStatistics().Collections > before;
            },
            Longest));
        heap.Parts.Collector.AwaitEnd();
    }

    /// <summary>Collects while threads may go on, and waits for the end.</summary>
    public static void Collect(TracedHeap heap)
    {
        Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
        Assert.True(SpinWait.SpinUntil(() => !heap.Parts.Concurrent.IsUnderWay, Longest));
    }

    /// <summary>Makes so many blocks that nothing refers to, in a scope.</summary>
    public static void MakeGarbage(TracedHeap heap, int count)
    {
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < count; i++)
        {
            scope.New<Node>();
        }
    }

    /// <summary>Makes blocks until the heap is marked, and stays in a scope then.</summary>
    public static void StayOnceItMarks(TracedHeap heap, ManualResetEventSlim inScope, ref bool leaves)
    {
        while (!inScope.IsSet)
        {
            using TracedScope scope = heap.Enter();
            for (int i = 0; i < 1000; i++)
            {
                scope.New<Node>();
            }

            if (heap.Parts.Shading.IsOn)
            {
                inScope.Set();
                while (!Volatile.Read(ref leaves))
                {
                    Thread.Yield();
                }
            }
        }
    }

    /// <summary>Makes a list of so many blocks, which the first root keeps.</summary>
    public static void MakeList(in TracedScope scope, TracedRoots<Node> roots, int count)
    {
        for (int i = 0; i < count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, roots.Get(scope, 0));
            roots.Set(scope, 0, node);
        }
    }

    private static TracedHeap Make(TimeSpan patience, nuint minimum) => new(new TracedHeapOptions
    {
        Priority = CollectionPriority.Latency,
        ScopePatience = patience,
        MinimumBytes = minimum,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        IdleDelay = Timeout.InfiniteTimeSpan,
        VerifyMarking = true,
    });
}
