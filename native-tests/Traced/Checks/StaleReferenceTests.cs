using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Checks;

/// <summary>With full checks a reference that was kept too long is found where it is used.</summary>
[Unguarded("it touches what has died, which faults")]
public sealed class StaleReferenceTests
{
    [Fact]
    public void The_value_of_a_block_that_has_died_is_refused_whatever_the_block_is()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint node;
        nint text;
        nint values;
        nint array;
        nint list;
        using (TracedScope scope = heap.Enter())
        {
            // The spans stay.
            scope.Keep(scope.New<Node>());
            scope.Keep(scope.NewString("kept"));
            scope.Keep(scope.NewValues<long>(4));
            scope.Keep(scope.NewArray<Node>(4));
            scope.Keep(scope.New<TracedList<long>>());
            node = scope.New<Node>().Address;
            text = scope.NewString("dead").Address;
            values = scope.NewValues<long>(4).Address;
            array = scope.NewArray<Node>(4).Address;
            list = scope.New<TracedList<long>>().Address;
        }

        heap.CollectAndSweep();
        using TracedScope later = heap.Enter();
        AssertDead(node, () => new TracedRef<Node>(node).Value.Value = 1);
        AssertDead(text, () => _ = new TracedRef<TracedString>(text).Value.ToString());
        AssertDead(values, () => new TracedRef<TracedValues<long>>(values).Value[0] = 1);
        AssertDead(array, () => _ = new TracedRef<TracedArray<Node>>(array).Value.Length);
        AssertDead(list, () => _ = new TracedRef<TracedList<long>>(list).Value.Count);
        heap.Verify();
    }

    [Fact]
    public void A_value_is_refused_outside_of_scopes_and_inside_of_another_block()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint node;
        using (TracedScope scope = heap.Enter())
        {
            node = scope.New<Node>().Address;
            scope.Keep(new TracedRef<Node>(node));
            Assert.Equal(0, new TracedRef<Node>(node).Value.Value);
            Assert.Throws<HeapCorruptionException>(() => new TracedRef<Node>(node + 8).Value.Value);
            Assert.Throws<NullReferenceException>(() => default(TracedRef<Node>).Value.Value);
        }

        Assert.Throws<InvalidOperationException>(() => new TracedRef<Node>(node).Value.Value);
    }

    [Fact]
    public void A_reference_is_refused_at_its_first_use_beyond_a_Yield()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        scope.Keep(scope.New<Branch>());
        nint node = scope.New<Branch>().Address;
        new TracedRef<Branch>(node).Key = 1;
        scope.Yield();
        AssertDead(node, () => new TracedRef<Branch>(node).Key = 2);
        Assert.Equal(1, heap.GetStatistics().Collections);
    }

    [Fact]
    public void A_Yield_of_a_heap_that_is_collected_by_hand_collects_nothing()
    {
        using TracedHeap heap = new(new TracedHeapOptions { ManualOnly = true, Stress = true });
        using TracedScope scope = heap.Enter();
        scope.Yield();
        Assert.Equal(0, heap.GetStatistics().Collections);
    }

    [Fact]
    public void Under_stress_each_outermost_scope_and_each_Yield_collects()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Stress = true, IdleDelay = Timeout.InfiniteTimeSpan });
        Assert.True(heap.Core.HasFullChecks);
        for (int i = 0; i < 10; i++)
        {
            using TracedScope scope = heap.Enter();
            using (TracedScope inner = heap.Enter())
            {
                inner.New<Node>();
            }

            scope.Yield();
            Assert.Equal(2 * (i + 1), heap.GetStatistics().Collections);
        }
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("0", false)]
    public void The_environment_puts_all_traced_heaps_under_stress(string text, bool expected)
    {
        TracedHeapOptions options = new TracedHeapOptions().WithEnvironment(name => name == "SPANHEAP_TRACED_STRESS" ? text : null);
        Assert.Equal((expected, expected ? HeapChecks.Full : HeapChecks.Standard), (options.Stress, options.Checks));
    }

    [LinuxFact]
    public void Entering_a_scope_where_one_was_entered_before_makes_no_garbage()
    {
        if (System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
        {
            return;
        }

        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        long fewest = long.MaxValue;

        // The same frames have other addresses when the runtime has compiled a method again.
        for (int round = 0; round < 20 && fewest != 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Enter(heap, 100);
            fewest = Math.Min(fewest, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, fewest);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Enter(TracedHeap heap, int times)
    {
        for (int i = 0; i < times; i++)
        {
            heap.Enter().Dispose();
        }
    }

    private static void AssertDead(nint address, Action use)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(use);
        Assert.Equal(address, error.Address);
        Assert.Contains("has died", error.Message, StringComparison.Ordinal);
    }
}
