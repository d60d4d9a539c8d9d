using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced;

/// <summary>With full checks: references that were kept beyond their block's life.</summary>
[Unguarded("it touches what has died, which faults")]
public sealed unsafe class ZombieTests : IDisposable
{
    private readonly TracedHeap _heap = TracedHeaps.Still(HeapChecks.Full);
    private readonly nint _kept;
    private readonly nint _dead;

    public ZombieTests()
    {
        using (TracedScope scope = _heap.Enter())
        {
            TracedRef<Node> kept = scope.New<Node>();
            kept.Value.Right.Set(scope, scope.New<Node>());
            scope.Keep(kept);
            (_kept, _dead) = (kept.Address, scope.New<Node>().Address);
        }

        _heap.CollectAndSweep();
    }

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void Who_refers_to_a_dead_block_is_named_by_block_and_offset()
    {
        *(nint*)_kept = _dead;
        AssertFound($"Node at 0x{_kept:x} +0 is 0x{_dead:x}, a slot of Node whose block has died");
        *(nint*)_kept = 0;
        AssertGoesOn();
    }

    [Fact]
    public void A_handle_of_a_dead_block_is_named()
    {
        HandleSlot* root = _heap.Parts.Roots.TryTake(_dead);
        AssertFound($"handle 1 is 0x{_dead:x}, a slot of Node whose block has died");
        _heap.Parts.Roots.TryFree(root, root->Number);
        AssertGoesOn();
    }

    [Fact]
    public void A_reference_that_was_copied_out_of_a_dead_block_is_not_followed()
    {
        *(nint*)_kept = *(nint*)_dead;
        AssertFound($"Node at 0x{_kept:x} +0 is 0xdbdbdbdbdbdbdbdb, which is what blocks that died are filled with");
        *(nint*)_kept = 0;
        AssertGoesOn();
    }

    [Fact]
    public void Of_a_collection_that_comes_by_itself_threads_hear_once()
    {
        *(nint*)_kept = _dead;
        _heap.Parts.Pacer.RequestCycle();
        Assert.Throws<HeapCorruptionException>(() => _heap.Enter());
        _heap.Enter().Dispose();
        AssertFound($"Node at 0x{_kept:x} +0");
        *(nint*)_kept = 0;
        AssertGoesOn();
    }

    [Fact]
    public void The_next_collection_finds_it_again()
    {
        *(nint*)_kept = _dead;
        AssertFound("has died");
        AssertFound("has died");
        *(nint*)_kept = 0;
        AssertGoesOn();
    }

    // Nothing has changed, but that a collection was tried.
    private void AssertFound(string fact)
    {
        long cycles = _heap.Parts.Collector.Cycles;
        long freed = _heap.Parts.Statistics.SmallBlocksFreed;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_heap.Collect);
        Assert.Contains(fact, error.Plain(), StringComparison.Ordinal);
        Assert.Equal((cycles, freed), (_heap.Parts.Collector.Cycles, _heap.Parts.Statistics.SmallBlocksFreed));
    }

    private void AssertGoesOn()
    {
        _heap.Verify();
        _heap.CollectAndSweep();
        Assert.Equal((2L, 0L), TracedCensus.Take(_heap));
        Assert.False(TracedBits.IsSet(_dead, 0) || TracedBits.IsSet(_dead, 1));
    }
}
