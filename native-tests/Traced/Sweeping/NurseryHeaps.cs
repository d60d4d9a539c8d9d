using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Heaps whose scopes free what has not escaped from them, and what to make in them.</summary>
internal static class NurseryHeaps
{
    public static TracedHeap Make(TracedHeapOptions? options = null)
    {
        options ??= new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2 };
        options.FreeAtScopeEnd = true;
        options.ScavengeDelay = Timeout.InfiniteTimeSpan;
        TracedHeap heap = new(options);
        heap.Parts.Nursery.IsCautious = false;
        return heap;
    }

    public static TracedRef<Node> MakeChain(in TracedScope scope, int length)
    {
        TracedRef<Node> first = scope.Null<Node>();
        for (int i = 0; i < length; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, first);
            node.Value.Value = i;
            first = node;
        }

        return first;
    }

    public static int LengthOf(in TracedScope scope, TracedRef<Node> first)
    {
        int length = 0;
        TracedRef<Node> node = scope.Null<Node>();
        for (node = first; !node.IsNull; node = node.Value.Left.Get(scope))
        {
            length++;
        }

        return length;
    }

    public static void MakeBranches(in TracedScope scope)
    {
        for (int i = 0; i < 10_000; i++)
        {
            TracedRef<Branch> branch = scope.New<Branch>();
            branch.Key = -1;
        }
    }

    public static TracedRef<Node> MakeMarked(in TracedScope scope)
    {
        TracedRef<Node> node = scope.New<Node>();
        TracedRef<Node> second = scope.New<Node>();
        node.Value.Value = 12;
        second.Value.Value = 34;
        node.Value.Left.Set(scope, second);
        return node;
    }

    public static void AssertMarked(in TracedScope scope, TracedRef<Node> node)
    {
        Assert.Equal(12, node.Value.Value);
        Assert.Equal(34, node.Value.Left.Get(scope).Value.Value);
    }

    // Makes blocks in all slots that are free.
    public static void Overwrite(TracedHeap heap)
    {
        heap.Verify();
        for (int i = 0; i < 3; i++)
        {
            using TracedScope scope = heap.Enter();
            MakeChain(scope, 40_000);
        }

        heap.Verify();
    }

    public static unsafe bool IsInNursery(TracedRef<Node> block) =>
        TracedLookup.TryFindInArena(block.Address, out TracedSpan* span, out _) && span->Nursery != null;

    /// <summary>
    /// Changes random graphs on several threads, beside scopes whose blocks do not escape, and compares what is left with what can be reached.
    /// </summary>
    public static void ChurnAndCompare(TracedHeap heap, int seed, int rounds, int scopesPerCollection)
    {
        const int Threads = 4;
        ShadowGraph[] graphs = [.. Enumerable.Range(0, Threads).Select(i => new ShadowGraph(heap, (ulong)((seed * 100) + i), new ShadowEntries(heap)))];
        for (int round = 0; round < rounds; round++)
        {
            StressThreads.Run(Threads, number =>
            {
                for (int i = 0; i < 80; i++)
                {
                    graphs[number].Churn(400, scopesPerCollection);
                    using TracedScope scope = heap.Enter();
                    MakeChain(scope, 2000);
                }
            });
            heap.CollectAndSweep();
            long live = graphs.Sum(static graph => (long)graph.CountReachable());
            heap.CollectAndSweep();
            (long small, long large) = TracedCensus.Take(heap);
            Assert.Equal(live, small + large);
        }
    }
}
