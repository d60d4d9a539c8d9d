namespace SpanHeap.Tracing;

/// <summary>Looking into a root table.</summary>
internal sealed unsafe partial class RootTable
{
    /// <summary>Shows every root, and what messages call it. No thread is in a scope, or nobody uses the heap.</summary>
    public void Show(Action<string, nint> visit)
    {
        // The oldest block, which is the last, has the lowest numbers.
        int number = CountBlocks() * SlotsPerBlock;
        for (RootBlock* block = _blocks; block != null; block = block->Next)
        {
            number -= SlotsPerBlock;
            RootSlot* slots = RootBlock.Slots(block);
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                nint kept = Volatile.Read(ref slots[i].Block);
                if (kept != 0)
                {
                    visit($"handle {number + i}", kept);
                }
            }
        }

        Arrays.Show(visit);
    }

    /// <summary>Compares the slots with their count and the list of the free ones. Nobody uses the heap.</summary>
    /// <exception cref="HeapCorruptionException">They do not agree.</exception>
    public void Verify()
    {
        long used = 0;
        for (RootBlock* block = _blocks; block != null; block = block->Next)
        {
            RootSlot* slots = RootBlock.Slots(block);
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                Require(slots[i].IsUsed != 0 || slots[i].Block == 0, (nint)(slots + i), "a root that no handle has names a block");
                used += slots[i].IsUsed;
            }
        }

        long all = (long)CountBlocks() * SlotsPerBlock;
        long free = 0;
        for (RootSlot* slot = _free; slot != null && free <= all; slot = slot->NextFree)
        {
            Require(slot->IsUsed == 0, (nint)slot, "a root that a handle has is in the list of free ones");
            free++;
        }

        Require(used == _count, 0, $"handles have {used} roots, {_count} are counted");
        Require(used + free == all, 0, $"{used} roots in use and {free} free ones do not make {all}");
    }

    private int CountBlocks()
    {
        int count = 0;
        for (RootBlock* block = _blocks; block != null; block = block->Next)
        {
            count++;
        }

        return count;
    }

    private static void Require(bool holds, nint address, string fact)
    {
        if (!holds)
        {
            throw new HeapCorruptionException($"The table of roots is inconsistent at 0x{address:x}: {fact}.", address, null);
        }
    }
}
