namespace SpanHeap.Tracing;

/// <summary>Looking into a table of handles.</summary>
internal abstract unsafe partial class HandleTable
{
    /// <summary>What messages call what a handle has here.</summary>
    protected abstract string SlotName { get; }

    /// <summary>What messages call a handle of this table.</summary>
    protected abstract string HandleName { get; }

    /// <summary>Shows every slot that names a block, and what messages call it. No thread is in a scope, or nobody uses the heap.</summary>
    public virtual void Show(Action<string, nint> visit)
    {
        // The oldest block, which is the last, has the lowest numbers.
        int number = CountBlocks() * SlotsPerBlock;
        for (SlotBlock* block = _blocks; block != null; block = block->Next)
        {
            number -= SlotsPerBlock;
            HandleSlot* slots = SlotBlock.Slots(block);
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                nint kept = Volatile.Read(ref slots[i].Block);
                if (kept != 0)
                {
                    visit($"{HandleName} {number + i}", kept);
                }
            }
        }
    }

    /// <summary>Compares the slots with their count and the list of the free ones. Nobody uses the heap.</summary>
    /// <exception cref="HeapCorruptionException">They do not agree.</exception>
    public void Verify()
    {
        long used = 0;
        for (SlotBlock* block = _blocks; block != null; block = block->Next)
        {
            HandleSlot* slots = SlotBlock.Slots(block);
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                Require(slots[i].IsUsed != 0 || slots[i].Block == 0, (nint)(slots + i), $"a {SlotName} that no handle has names a block");
                used += slots[i].IsUsed;
            }
        }

        long all = (long)CountBlocks() * SlotsPerBlock;
        long free = 0;
        for (HandleSlot* slot = _free; slot != null && free <= all; slot = slot->NextFree)
        {
            Require(slot->IsUsed == 0, (nint)slot, $"a {SlotName} that a handle has is in the list of free ones");
            free++;
        }

        Require(used == _count, 0, $"{HandleName}s have {used} {SlotName}s, {_count} are counted");
        Require(used + free == all, 0, $"{used} {SlotName}s in use and {free} free ones do not make {all}");
    }

    private int CountBlocks()
    {
        int count = 0;
        for (SlotBlock* block = _blocks; block != null; block = block->Next)
        {
            count++;
        }

        return count;
    }

    private void Require(bool holds, nint address, string fact)
    {
        if (!holds)
        {
            throw new HeapCorruptionException($"The table of {SlotName}s is inconsistent at 0x{address:x}: {fact}.", address, null);
        }
    }
}
