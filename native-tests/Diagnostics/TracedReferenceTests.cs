using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Diagnostics;

public sealed unsafe class TracedReferenceTests : IDisposable
{
    private readonly SoundTracedHeap _sound = new();

    public void Dispose() => _sound.Dispose();

    [Fact]
    public void A_reference_to_a_dead_block_is_found_by_its_block_and_offset() =>
        AssertFound(_sound.List + 8, _sound.Dead, $"Node at 0x{_sound.List:x} +8 is 0x{_sound.Dead:x}", "whose block has died");

    [Fact]
    public void An_element_that_refers_to_a_dead_block_is_found() =>
        AssertFound(_sound.Large + 8 + (8 * 99_999), _sound.Dead, $"array of references at 0x{_sound.Large:x} +{8 + (8 * 99_999)} is", "has died");

    [Fact]
    public void A_reference_into_a_block_is_found() => AssertFound(_sound.List, _sound.List + 16, "which lies inside Node");

    [Fact]
    public void A_reference_into_a_large_block_is_found() => AssertFound(_sound.List, _sound.Large + 100_000, $"which lies inside array of references at 0x{_sound.Large:x}");

    [Fact]
    public void A_reference_to_a_block_freed_by_hand_is_found() =>
        AssertFound(_sound.List, (nint)_sound.Heap.Native.Alloc(100), "where this heap has no traced blocks");

    [Fact]
    public void A_reference_to_another_heaps_block_is_found()
    {
        using SoundTracedHeap other = new();
        AssertFound(_sound.List, other.List, "where this heap has no traced blocks");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-16)]
    [InlineData(long.MaxValue & -16)]
    public void A_reference_to_nowhere_is_found(long pointer) => AssertFound(_sound.List, (nint)pointer, "where this heap has no traced blocks");

    [Fact]
    public void A_reference_that_was_read_out_of_a_dead_block_is_known() =>
        AssertFound(_sound.List, unchecked((nint)0xdbdb_dbdb_dbdb_dbdb), "what blocks that died are filled with");

    [Fact]
    [Unguarded("it is about spans of many blocks, or what caches keep")]
    public void A_reference_to_a_slot_that_a_cache_keeps_is_found() =>
        AssertFound(_sound.List, _sound.Leaf + (nint)SoundTracedHeap.SpanOf(_sound.Leaf)->Span.SlotSize, "in which no block has been made yet");

    [Fact]
    public void An_array_longer_than_its_block_is_found()
    {
        *(long*)_sound.Array = 200;
        AssertMessage("has 200 elements");
        *(long*)_sound.Array = -1;
        AssertMessage("has -1 elements");
    }

    [Fact]
    public void A_handle_of_a_dead_block_is_found()
    {
        HandleSlot* root = _sound.Heap.Parts.Roots.TryTake(_sound.Dead);
        AssertMessage($"handle 4 is 0x{_sound.Dead:x}", "has died");
        root->Block = 0;
        _sound.Heap.Verify();
    }

    [Fact]
    public void A_root_that_no_handle_has_is_found()
    {
        HandleSlot* root = _sound.Heap.Parts.Roots.TryTake(0);
        _sound.Heap.Parts.Roots.TryFree(root, root->Number);
        root->Block = _sound.List;
        AssertMessage("a root that no handle has names a block");
    }

    [Fact]
    public void A_root_that_is_used_and_free_is_found()
    {
        HandleSlot* root = _sound.Heap.Parts.Roots.TryTake(0);
        _sound.Heap.Parts.Roots.TryFree(root, root->Number);
        root->Number = 1;
        AssertMessage("5 roots of a block have the number of a handle, 4 are taken");
    }

    [Fact]
    public void A_handle_too_many_is_found()
    {
        HandleSlot* root = _sound.Heap.Parts.Roots.TryTake(0);
        root->Number = 0;
        AssertMessage("a root that a handle has is free");
    }

    [Fact]
    public void A_wrong_number_of_roots_is_found()
    {
        HandleSlot* root = _sound.Heap.Parts.Roots.TryTake(0);
        HandleBlock.Of(root)->Used++;
        AssertMessage("handles have 5 roots of a block, 6 are counted");
    }

    [Fact]
    public void A_block_of_roots_whose_memory_went_back_too_early_is_found()
    {
        HandleSlot* root = _sound.Heap.Parts.Roots.TryTake(0);
        HandleBlock.Of(root)->IsCounted = false;
        AssertMessage("was given back that handles have");
    }

    [Fact]
    [Unguarded("it is about spans of many blocks, or what caches keep")]
    public void What_is_dead_and_not_swept_may_refer_to_what_is_swept_already()
    {
        BackgroundSweeper background = _sound.Heap.Parts.Collector.Background;
        (nint node, nint array) = MakeGarbage();
        background.Pause();
        _sound.Heap.Collect();

        // Of the array's kind alone is swept: the span is released, and the node that refers to it still has its bit.
        uint kind = SoundTracedHeap.SpanOf(array)->SpanClass;
        uint bitmap = _sound.Bitmap;
        TracedSpan* swept = _sound.Heap.Parts.Sweeper.SweepForSlots(_sound.Heap.Parts.Spans.SetOf(kind), 1);
        Assert.True(swept == SoundTracedHeap.SpanOf(array));
        _sound.Heap.Parts.Spans.SetOf(kind)->AddSwept(swept, _sound.Generation);
        Assert.Equal((false, true), (TracedBits.IsSet(array, bitmap), TracedBits.IsSet(node, bitmap ^ 1)));
        Assert.Equal(SweepGeneration.Unswept(_sound.Generation), SoundTracedHeap.SpanOf(node)->SweepGen);

        _sound.Heap.Parts.Verify();
        background.Resume();
        _sound.Heap.FinishSweeping();
        _sound.Heap.Verify();
    }

    [Fact]
    public void What_lives_and_is_not_swept_may_not_refer_to_what_died()
    {
        BackgroundSweeper background = _sound.Heap.Parts.Collector.Background;
        (nint node, _) = MakeGarbage();
        background.Pause();
        _sound.Heap.Collect();
        *(nint*)_sound.List = node;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => _sound.Heap.Parts.Verify());
        Assert.Contains($"Node at 0x{_sound.List:x} +0 is 0x{node:x}, a slot of Node whose block has died", error.Plain(), StringComparison.Ordinal);
        background.Resume();
    }

    [Fact]
    [Unguarded("it is about spans of many blocks, or what caches keep")]
    public void A_mark_of_a_slot_that_is_not_allocated_is_found()
    {
        BackgroundSweeper background = _sound.Heap.Parts.Collector.Background;
        background.Pause();
        _sound.Heap.Collect();
        SoundTracedHeap.Flip(_sound.Dead, _sound.Bitmap);
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => _sound.Heap.Parts.Verify());
        Assert.Contains("are set of slots that are not allocated", error.Plain(), StringComparison.Ordinal);
        SoundTracedHeap.Flip(_sound.Dead, _sound.Bitmap);
        background.Resume();
    }

    [Fact]
    public void Caches_that_have_something_from_before_the_cycle_are_sound()
    {
        BackgroundSweeper background = _sound.Heap.Parts.Collector.Background;
        background.Pause();
        _sound.Heap.Parts.Pacer.RequestCycle();
        _sound.Heap.Parts.Collector.TryCollectDue();
        Assert.Equal(SweepGeneration.StaleCached(_sound.Generation), SoundTracedHeap.SpanOf(_sound.Leaf)->SweepGen);
        _sound.Heap.Parts.Verify();
        _sound.LeafCursor->Free = 0;
        _sound.Heap.Parts.Verify();
        *_sound.LeafCursor = default;
        Assert.Throws<HeapCorruptionException>(() => _sound.Heap.Parts.Verify());
        background.Resume();
    }

    // A node and an array that it refers to: kept by nothing.
    private (nint Node, nint Array) MakeGarbage()
    {
        using TracedScope scope = _sound.Heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        nint array = scope.NewArray<Node>(300).Address;
        node.Value.Left.Set(scope, new TracedRef<Node>(array));
        return (node.Address, array);
    }

    // And once the slot is as it was the heap is sound again.
    private void AssertFound(nint slot, nint pointer, params string[] facts)
    {
        nint before = *(nint*)slot;
        *(nint*)slot = pointer;
        AssertMessage(facts);
        *(nint*)slot = before;
        _sound.Heap.Verify();
    }

    private void AssertMessage(params string[] facts)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_sound.Heap.Verify);
        Assert.All(facts, fact => Assert.Contains(fact, error.Plain(), StringComparison.Ordinal));
    }
}
