using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tracing;

public sealed unsafe class CheckmarkTests : IDisposable
{
    private readonly NativeHeap _heap = new(new NativeHeapOptions
    {
        Traced = true, TracedCheckmark = true, TracedMinimum = nuint.MaxValue >> 2, ScavengeDelay = Timeout.InfiniteTimeSpan,
    });

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void A_heap_that_is_marked_right_passes()
    {
        using GcHandle<Node> kept = Keep(100);
        _heap.CollectAndSweep();
        Assert.Equal((100L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_block_that_marking_missed_is_found_with_the_way_to_it()
    {
        using GcHandle<Node> other = Keep(1);
        using GcHandle<Node> kept = Keep(5);
        nint[] list = AddressesOf(kept);
        AssertFound(
            plane => Unmark(list[2], plane),
            list[2],
            "has missed 1 of 6 blocks",
            $"first handle 1 -> Node at 0x{list[0]:x} +0 -> Node at 0x{list[1]:x} +0 -> Node at 0x{list[2]:x}.");
    }

    [Fact]
    public void Of_many_blocks_that_were_missed_the_one_nearest_to_a_root_is_named()
    {
        using GcHandle<Node> kept = Keep(50);
        nint[] list = AddressesOf(kept);
        AssertFound(plane => Array.ForEach(list[30..], block => Unmark(block, plane)), list[30], "has missed 20 of 50 blocks");
    }

    [Fact]
    public void A_long_way_is_shortened()
    {
        using GcHandle<Node> kept = Keep(100_000);
        nint last = AddressesOf(kept)[^1];
        AssertFound(plane => Unmark(last, plane), last, "(99984 more)", $"-> Node at 0x{last:x}.");
    }

    [Fact]
    public void A_block_whose_handle_alone_names_it_is_found()
    {
        using GcHandle<Node> kept = Keep(1);
        nint block = AddressesOf(kept)[0];
        AssertFound(plane => Unmark(block, plane), block, $"first handle 0 -> Node at 0x{block:x}.");
    }

    [Fact]
    public void An_array_says_which_element_leads_on()
    {
        nint array;
        nint node;
        using (GcScope scope = _heap.Enter())
        {
            GcRef<TracedArray<Node>> made = scope.NewArray<Node>(100_000);
            made.Value[70_000].Set(scope, scope.New<Node>());
            (array, node) = (made.Address, made.Value[70_000].Address);
            scope.Keep(made);
        }

        AssertFound(plane => Unmark(node, plane), node, $"array of references at 0x{array:x} +{8 + (70_000 * 8)} -> Node at 0x{node:x}.");
    }

    [Fact]
    public void A_mark_of_what_nothing_reaches_is_found()
    {
        using GcHandle<Node> kept = Keep(10);
        nint dead;
        using (GcScope scope = _heap.Enter())
        {
            dead = scope.New<Node>().Address;
        }

        AssertFound(plane => *TracedBits.WordOf(dead, plane) |= TracedBits.BitOf(dead), dead, $"has marked Node at 0x{dead:x}, which no root reaches");
    }

    [Fact]
    public void A_collection_that_comes_by_itself_is_checked_and_then_put_off()
    {
        using GcHandle<Node> kept = Keep(10);
        nint block = AddressesOf(kept)[9];
        _heap.Traced.Checks.BeforeComparing = plane => Unmark(block, plane);
        _heap.Traced.Pacer.RequestCycle();
        Assert.Throws<HeapCorruptionException>(() => _heap.Enter());
        _heap.Traced.Checks.BeforeComparing = null;
        _heap.Enter().Dispose();
        Assert.Equal(0, _heap.Traced.Collector.Cycles);
        _heap.CollectAndSweep();
        Assert.Equal((10L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_handle_that_is_freed_while_marking_makes_no_fault()
    {
        GcHandle<Node> kept = Keep(10);
        _heap.Traced.Checks.BeforeComparing = _ => kept.Dispose();
        _heap.Collect();
        _heap.Traced.Checks.BeforeComparing = null;
        _heap.Verify();
        _heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_handle_that_is_freed_before_the_marker_sees_it_makes_no_fault()
    {
        GcHandle<Node> kept = Keep(10);
        nint[] list = AddressesOf(kept);
        _heap.Traced.Checks.BeforeComparing = plane =>
        {
            kept.Dispose();
            Array.ForEach(list, block => Unmark(block, plane));
        };
        _heap.Collect();
        _heap.FinishSweeping();

        // Not verified: the marks that were taken away here are counted as live.
        Assert.Equal(10, _heap.GetTracedStatistics().SmallBlocksFreed);
    }

    [Fact]
    [Unguarded("it touches what has died, which faults")]
    public void A_reference_to_what_has_died_is_found_with_the_way_to_it()
    {
        using GcHandle<Node> kept = Keep(3);
        nint[] list = AddressesOf(kept);
        nint dead;
        using (GcScope scope = _heap.Enter())
        {
            dead = scope.New<Node>().Address;
        }

        _heap.CollectAndSweep();
        *(nint*)(list[2] + 8) = dead;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_heap.Collect);
        Assert.Contains($"handle 0 -> Node at 0x{list[0]:x} +0 -> Node at 0x{list[1]:x} +0 -> Node at 0x{list[2]:x} +8 is 0x{dead:x}, a slot of Node", error.Plain(), StringComparison.Ordinal);
        *(nint*)(list[2] + 8) = 0;
        _heap.CollectAndSweep();
        Assert.Equal((3L, 0L), TracedCensus.Take(_heap));
    }

    [Theory]
    [InlineData(null, true, false, false)]
    [InlineData("1", true, false, true)]
    [InlineData("0", true, true, true)]
    [InlineData("1", false, false, false)]
    public void The_environment_asks_for_it_of_all_traced_heaps(string? text, bool traced, bool option, bool expected)
    {
        NativeHeapOptions options = new() { Traced = traced, TracedCheckmark = option };
        Assert.Equal(expected, options.WithTracedChecks(name => name == "SPANHEAP_TRACED_CHECKMARK" ? text : null).TracedCheckmark);
        Assert.Equal(option, options.TracedCheckmark);
    }

    [Theory]
    [InlineData(21, 1 << 18)]
    [InlineData(22, 1 << 16)]
    public void Random_graphs_are_marked_right(int seed, int minimum)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedCheckmark = true, TracedMinimum = (nuint)minimum });
        ShadowGraph[] graphs = [.. Enumerable.Range(0, 3).Select(i => new ShadowGraph(heap, (ulong)((seed * 100) + i)))];
        StressThreads.Run(3, number => graphs[number].Churn(20_000, scopesPerCollection: 1000));
        Assert.InRange(heap.Traced.Collector.Cycles, 5, long.MaxValue);
        heap.Verify();
    }

    private static void Unmark(nint block, uint plane) => *TracedBits.WordOf(block, plane) &= ~TracedBits.BitOf(block);

    private GcHandle<Node> Keep(int length)
    {
        using GcScope scope = _heap.Enter();
        scoped GcRef<Node> list = default;
        for (int i = 0; i < length; i++)
        {
            GcRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, list);
            list = node;
        }

        return scope.Keep(list);
    }

    private nint[] AddressesOf(GcHandle<Node> list)
    {
        using GcScope scope = _heap.Enter();
        List<nint> addresses = [];
        for (GcRef<Node> node = list.Get(scope); !node.IsNull; node = node.Value.Left.Get(scope))
        {
            addresses.Add(node.Address);
        }

        return [.. addresses];
    }

    // The collection is as if it had not been: nothing is freed, and the next one is right.
    private void AssertFound(Action<uint> fault, nint address, params string[] facts)
    {
        _heap.Traced.Checks.BeforeComparing = fault;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_heap.Collect);
        Assert.Equal(address, error.Address);
        Assert.All(facts, fact => Assert.Contains(fact, error.Plain(), StringComparison.Ordinal));
        Assert.Equal((0L, 0L), (_heap.Traced.Collector.Cycles, _heap.Traced.Statistics.SmallBlocksFreed));
        _heap.Verify();
        _heap.Traced.Checks.BeforeComparing = null;
        _heap.CollectAndSweep();
        _heap.Verify();
    }
}
