using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Heaps with minor collections, and how to have one.</summary>
internal static class MinorHeaps
{
    private const int Minimum = 256 << 10;
    private const int BlocksPerScope = 100;

    /// <summary>A heap that has been collected once, so that minor collections can follow. Each marking is repeated in a simple way.</summary>
    public static TracedHeap Make(HeapChecks checks = HeapChecks.Standard)
    {
        TracedHeap heap = new(new TracedHeapOptions
        {
            Generational = true,
            MinimumBytes = Minimum,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            IdleDelay = Timeout.InfiniteTimeSpan,
            Checks = checks,
            VerifyMarking = true,
        });
        heap.MakeOld();
        return heap;
    }

    /// <summary>
    /// Makes all that lives old: major collections, after which all is swept. The last one frees what was made since the one before, so that minor
    /// ones seem to pay.
    /// </summary>
    public static void MakeOld(this TracedHeap heap)
    {
        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            MakeGarbage(scope);
        }

        heap.CollectAndSweep();
    }

    /// <summary>Makes blocks that die at once until a minor collection comes, which must be the next one; sweeps all after it.</summary>
    /// <returns>How many other blocks have died in it.</returns>
    public static long CollectYoung(this TracedHeap heap)
    {
        TracedStatistics before = heap.GetStatistics();
        long others = heap.CollectByGrowth();
        Assert.Equal(before.MinorCollections + 1, heap.GetStatistics().MinorCollections);
        return others;
    }

    /// <summary>The same, whether the collection is minor or not.</summary>
    public static long CollectByGrowth(this TracedHeap heap)
    {
        TracedStatistics before = heap.GetStatistics();
        int made = 0;
        while (!TryMake(heap, before.Collections))
        {
            made += BlocksPerScope;
        }

        heap.FinishSweeping();
        heap.Verify();
        return heap.GetStatistics().SmallBlocksFreed - before.SmallBlocksFreed - made;
    }

    // Collections come when a scope begins.
    private static bool TryMake(TracedHeap heap, long collections)
    {
        using TracedScope scope = heap.Enter();
        if (heap.GetStatistics().Collections != collections)
        {
            return true;
        }

        MakeGarbage(scope);
        return false;
    }

    private static void MakeGarbage(in TracedScope scope)
    {
        for (int i = 0; i < BlocksPerScope; i++)
        {
            scope.New<Leaf>();
        }
    }
}
