using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Roots;

namespace SpanHeap.Tests.Diagnostics;

/// <summary>Weak handles and clean-ups that say what is not so are found.</summary>
public sealed unsafe class TracedRecordTests : IDisposable
{
    private readonly SoundTracedHeap _sound = new();

    private WeakTable Table => _sound.Heap.Parts.WeakHandles;

    public void Dispose() => _sound.Dispose();

    [Fact]
    public void A_weak_handle_of_a_dead_block_is_found()
    {
        HandleSlot* slot = Table.TryTake(_sound.Dead);
        AssertMessage($"weak handle 0 is 0x{_sound.Dead:x}", "has died");
        slot->Block = _sound.List;
        _sound.Heap.Verify();
    }

    [Fact]
    public void With_full_checks_a_collection_finds_it_too_and_clears_nothing()
    {
        using SoundTracedHeap full = new(HeapChecks.Full);
        HandleSlot* sound = full.Heap.Parts.WeakHandles.TryTake(full.List);
        HandleSlot* slot = full.Heap.Parts.WeakHandles.TryTake(full.Dead);
        Assert.Contains("weak handle 1 is", Assert.Throws<HeapCorruptionException>(full.Heap.Collect).Message, StringComparison.Ordinal);
        Assert.Equal((full.List, full.Dead), (sound->Block, slot->Block));
        slot->Block = 0;
        full.Heap.CollectAndSweep();
    }

    [Fact]
    public void A_weak_slot_that_no_handle_has_is_found()
    {
        HandleSlot* slot = Table.TryTake(0);
        Table.TryFree(slot, slot->Number);
        slot->Block = _sound.List;
        AssertMessage("table of weak slots", "a weak slot that no handle has names a block");
    }

    [Fact]
    public void A_weak_handle_too_many_is_found()
    {
        HandleSlot* slot = Table.TryTake(0);
        slot->Number = 0;
        AssertMessage("a weak slot that a handle has is free");
    }

    [Fact]
    [Unguarded("it uses what has died, which faults")]
    public void A_clean_up_of_a_dead_block_is_found_unless_it_was_cancelled()
    {
        using (TracedScope scope = _sound.Heap.Enter())
        {
            scope.OnDead(new TracedRef<Node>(_sound.List), static _ => { }, 0);
            TracedCleanUp cleanUp = scope.OnDead(new TracedRef<Node>(_sound.Dead), static _ => { }, 0);
            AssertMessage($"clean-up 1 is 0x{_sound.Dead:x}", "has died");
            cleanUp.Dispose();
        }

        _sound.Heap.Verify();
    }

    private void AssertMessage(params string[] facts)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_sound.Heap.Verify);
        Assert.All(facts, fact => Assert.Contains(fact, error.Message, StringComparison.Ordinal));
    }
}
