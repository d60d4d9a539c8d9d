using System.Runtime.CompilerServices;
using SpanHeap.Contract;

namespace SpanHeap.Traced.Roots;

/// <summary>Inspects a table of handles.</summary>
internal abstract unsafe partial class HandleTable
{
    /// <summary>What messages call a slot of this table.</summary>
    protected abstract string SlotName { get; }

    /// <summary>What messages call a handle of this table.</summary>
    protected abstract string HandleName { get; }

    /// <summary>Shows every slot that names a block, and what messages call it. No thread is in a scope, or none uses the heap.</summary>
    public virtual void Show(Action<string, nint> visit)
    {
        SlotWalk slots = new(this);
        while (slots.MoveNext())
        {
            nint kept = Volatile.Read(ref slots.Current->Block);
            if (kept != 0)
            {
                visit($"{HandleName} {slots.Number}", kept);
            }
        }
    }

    /// <summary>Compares the slots with their count and with the records of their blocks. No thread uses the heap.</summary>
    /// <exception cref="HeapCorruptionException">They do not agree.</exception>
    public void Verify()
    {
        long used = 0;
        int blocks = 0;
        for (HandleBlock* block = _blocks.Newest; block != null; block = block->Older)
        {
            VerifyBlock(block);
            used += block->Used;
            blocks++;
        }

        Require(used == _count, 0, $"{HandleName}s have {used} {SlotName}s, {_count} are counted");
        Require(blocks == _blocks.Count, 0, $"there are {blocks} blocks of {SlotName}s, {_blocks.Count} are counted");
        Require(used == (long)blocks * HandleBlock.Capacity || _blocks.HasFree, 0, $"no block of {SlotName}s with free ones can be found");
    }

    private void VerifyBlock(HandleBlock* block)
    {
        int used = 0;
        HandleBlock.Walk taken = new(block);
        while (taken.MoveNext())
        {
            Require(taken.Current->Number != 0, (nint)taken.Current, $"a {SlotName} that a handle has is free");
            used++;
        }

        Require(used == block->Used, (nint)block, $"handles have {used} {SlotName}s of a block, {block->Used} are counted");
        if (!block->IsCounted)
        {
            // It is not read: that would make its memory resident again.
            Require(used == 0, (nint)block, $"the memory of {SlotName}s was given back that handles have");
            return;
        }

        int numbered = 0;
        for (int i = 1; i <= HandleBlock.Capacity; i++)
        {
            HandleSlot* slot = block->Slots + i;
            Require(slot->Number != 0 || slot->Block == 0, (nint)slot, $"a {SlotName} that no handle has names a block");
            numbered += slot->Number != 0 ? 1 : 0;
        }

        Require(numbered == used, (nint)block, $"{numbered} {SlotName}s of a block have the number of a handle, {used} are taken");
    }

    private void Require(bool holds, nint address, [InterpolatedStringHandlerArgument(nameof(holds))] ref LazyMessage fact)
    {
        if (!holds)
        {
            throw new HeapCorruptionException($"The table of {SlotName}s is inconsistent at 0x{address:x}: {fact.Take()}.", address, null);
        }
    }
}
