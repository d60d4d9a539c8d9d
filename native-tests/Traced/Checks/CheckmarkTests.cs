using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Checks;

public sealed unsafe class CheckmarkTests : IDisposable
{
    private readonly TracedHeap _heap = new(new TracedHeapOptions
    {
        VerifyMarking = true,
        MinimumBytes = nuint.MaxValue >> 2,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void A_heap_that_is_marked_right_passes()
    {
        using TracedHandle<Node> kept = Keep(100);
        _heap.CollectAndSweep();
        Assert.Equal((100L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_block_that_marking_missed_is_found_with_the_way_to_it()
    {
        using TracedHandle<Node> other = Keep(1);
        using TracedHandle<Node> kept = Keep(5);
        nint[] list = AddressesOf(kept);
        AssertFound(
            bitmap => Unmark(list[2], bitmap),
            list[2],
            "has missed 1 of 6 blocks",
            $"first handle 1 -> Node at 0x{list[0]:x} +0 -> Node at 0x{list[1]:x} +0 -> Node at 0x{list[2]:x}.");
    }

    [Fact]
    public void Of_many_blocks_that_were_missed_the_one_nearest_to_a_root_is_named()
    {
        using TracedHandle<Node> kept = Keep(50);
        nint[] list = AddressesOf(kept);
        AssertFound(bitmap => Array.ForEach(list[30..], block => Unmark(block, bitmap)), list[30], "has missed 20 of 50 blocks");
    }

    [Fact]
    public void A_long_way_is_shortened()
    {
        using TracedHandle<Node> kept = Keep(100_000);
        nint last = AddressesOf(kept)[^1];
        AssertFound(bitmap => Unmark(last, bitmap), last, "(99984 more)", $"-> Node at 0x{last:x}.");
    }

    [Fact]
    public void A_block_whose_handle_alone_names_it_is_found()
    {
        using TracedHandle<Node> kept = Keep(1);
        nint block = AddressesOf(kept)[0];
        AssertFound(bitmap => Unmark(block, bitmap), block, $"first handle 0 -> Node at 0x{block:x}.");
    }

    [Fact]
    public void An_array_says_which_element_leads_on()
    {
        nint array;
        nint node;
        using (TracedScope scope = _heap.Enter())
        {
            TracedRef<TracedArray<Node>> made = scope.NewArray<Node>(100_000);
            made.Value[70_000].Set(scope, scope.New<Node>());
            (array, node) = (made.Address, made.Value[70_000].Address);
            scope.Keep(made);
        }

        AssertFound(bitmap => Unmark(node, bitmap), node, $"array of references at 0x{array:x} +{8 + (70_000 * 8)} -> Node at 0x{node:x}.");
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void A_mark_of_what_nothing_reaches_is_found()
    {
        using TracedHandle<Node> kept = Keep(10);
        nint dead;
        using (TracedScope scope = _heap.Enter())
        {
            dead = scope.New<Node>().Address;
        }

        AssertFound(bitmap => *TracedBits.WordOf(dead, bitmap) |= TracedBits.BitOf(dead), dead, $"has marked Node at 0x{dead:x}, which no root reaches");
    }

    [Fact]
    public void A_collection_that_comes_by_itself_is_checked_and_then_put_off()
    {
        using TracedHandle<Node> kept = Keep(10);
        nint block = AddressesOf(kept)[9];
        _heap.Parts.Checks.BeforeComparing = bitmap => Unmark(block, bitmap);
        _heap.Parts.Pacer.RequestCycle();
        Assert.Throws<HeapCorruptionException>(() => _heap.Enter());
        _heap.Parts.Checks.BeforeComparing = null;
        _heap.Enter().Dispose();
        Assert.Equal(0, _heap.Parts.Collector.Cycles);
        _heap.CollectAndSweep();
        Assert.Equal((10L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_handle_that_is_freed_while_marking_makes_no_fault()
    {
        TracedHandle<Node> kept = Keep(10);
        _heap.Parts.Checks.BeforeComparing = _ => kept.Dispose();
        _heap.Collect();
        _heap.Parts.Checks.BeforeComparing = null;
        _heap.Verify();
        _heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_handle_that_is_freed_before_the_marker_sees_it_makes_no_fault()
    {
        TracedHandle<Node> kept = Keep(10);
        nint[] list = AddressesOf(kept);
        _heap.Parts.Checks.BeforeComparing = bitmap =>
        {
            kept.Dispose();
            Array.ForEach(list, block => Unmark(block, bitmap));
        };
        _heap.Collect();
        _heap.FinishSweeping();

        // Not verified: the marks that were taken away here are counted as live.
        Assert.Equal(10, _heap.GetStatistics().SmallBlocksFreed);
    }

    [Fact]
    [Unguarded("it touches what has died, which faults")]
    public void A_reference_to_what_has_died_is_found_with_the_way_to_it()
    {
        using TracedHandle<Node> kept = Keep(3);
        nint[] list = AddressesOf(kept);
        nint dead;
        using (TracedScope scope = _heap.Enter())
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
    [InlineData(null, false, false)]
    [InlineData("1", false, true)]
    [InlineData("0", true, true)]
    public void The_environment_asks_for_it_of_all_traced_heaps(string? text, bool option, bool expected)
    {
        TracedHeapOptions options = new() { VerifyMarking = option };
        Assert.Equal(expected, options.WithEnvironment(name => name == "SPANHEAP_TRACED_CHECKMARK" ? text : null).VerifyMarking);
        Assert.Equal(option, options.VerifyMarking);
    }

    [Theory]
    [InlineData(21, 1 << 18)]
    [InlineData(22, 1 << 16)]
    public void Random_graphs_are_marked_right(int seed, int minimum)
    {
        using TracedHeap heap = new(new TracedHeapOptions { VerifyMarking = true, MinimumBytes = (nuint)minimum });
        ShadowGraph[] graphs = [.. Enumerable.Range(0, 3).Select(i => new ShadowGraph(heap, (ulong)((seed * 100) + i)))];
        StressThreads.Run(3, number => graphs[number].Churn(20_000, scopesPerCollection: 1000));
        Assert.InRange(heap.Parts.Collector.Cycles, 5, long.MaxValue);
        heap.Verify();
    }

    private static void Unmark(nint block, uint bitmap) => *TracedBits.WordOf(block, bitmap) &= ~TracedBits.BitOf(block);

    private TracedHandle<Node> Keep(int length)
    {
        using TracedScope scope = _heap.Enter();
        scoped TracedRef<Node> list = default;
        for (int i = 0; i < length; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, list);
            list = node;
        }

        return scope.Keep(list);
    }

    private nint[] AddressesOf(TracedHandle<Node> list)
    {
        using TracedScope scope = _heap.Enter();
        List<nint> addresses = [];
        for (TracedRef<Node> node = list.Get(scope); !node.IsNull; node = node.Value.Left.Get(scope))
        {
            addresses.Add(node.Address);
        }

        return [.. addresses];
    }

    // The collection is as if it had not been: nothing is freed, and the next one is right.
    private void AssertFound(Action<uint> fault, nint address, params string[] facts)
    {
        _heap.Parts.Checks.BeforeComparing = fault;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_heap.Collect);
        Assert.Equal(address, error.Address);
        Assert.All(facts, fact => Assert.Contains(fact, error.Plain(), StringComparison.Ordinal));
        Assert.Equal((0L, 0L), (_heap.Parts.Collector.Cycles, _heap.Parts.Statistics.SmallBlocksFreed));
        _heap.Verify();
        _heap.Parts.Checks.BeforeComparing = null;
        _heap.CollectAndSweep();
        _heap.Verify();
    }
}
