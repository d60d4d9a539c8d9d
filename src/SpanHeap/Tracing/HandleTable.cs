using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>The blocks that handles name: a slot for each handle.</summary>
/// <remarks>
/// Thread safe by its lock. Slots are in native memory that is not freed while the heap lives, so that a handle that was freed reads a
/// generation that is not its own. Handles read slots in a scope, without the lock: the block by acquire, then the generation, which is
/// changed before the block is. The collector reads them while no thread is in a scope.
/// </remarks>
internal abstract unsafe partial class HandleTable(MetadataAllocator metadata)
{
    private const int SlotsPerBlock = 512;

    private NativeLock _lock;

    // All guarded by the lock.
    private SlotBlock* _blocks;
    private HandleSlot* _free;
    private long _count;
    private bool _closed;

    /// <summary>Handles in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>A slot; null when there is no memory. In a scope.</summary>
    public HandleSlot* TryTake(nint block)
    {
        _lock.Enter();
        if (_free == null)
        {
            _lock.Exit();
            InterleavingPoints.At(InterleavingPoint.RootSlotsMissing);
            SlotBlock* added = (SlotBlock*)metadata.Allocate((nuint)sizeof(SlotBlock) + (SlotsPerBlock * (nuint)sizeof(HandleSlot)));
            if (added == null)
            {
                return null;
            }

            _lock.Enter();
            AddLocked(added);
        }

        HandleSlot* slot = _free;
        _free = slot->NextFree;
        Volatile.Write(ref slot->Block, block);
        slot->IsUsed = 1;
        _count++;
        _lock.Exit();
        return slot;
    }

    /// <summary>Frees a slot that is still of that generation; false otherwise. In a scope or out.</summary>
    public bool TryFree(HandleSlot* slot, uint generation)
    {
        _lock.Enter();
        bool used = !_closed && slot->Generation == generation && slot->IsUsed != 0;
        if (used)
        {
            Volatile.Write(ref slot->Generation, generation + 1);
            slot->IsUsed = 0;
            Volatile.Write(ref slot->Block, 0);
            slot->NextFree = _free;
            _free = slot;
            _count--;
        }

        _lock.Exit();
        return used;
    }

    /// <summary>Makes a slot that is still of that generation name another block; false otherwise.</summary>
    public bool TrySet(HandleSlot* slot, uint generation, nint block)
    {
        // Under the lock: otherwise the slot could become another handle's between the look and the write.
        _lock.Enter();
        bool used = slot->Generation == generation;
        if (used)
        {
            Volatile.Write(ref slot->Block, block);
        }

        _lock.Exit();
        return used;
    }

    /// <summary>The slots' memory is about to go: handles that are disposed from now on have nothing to free.</summary>
    public void Close()
    {
        _lock.Enter();
        _closed = true;
        _lock.Exit();
    }

    /// <summary>Whether a slot is still of that generation and names a block. In a scope or out.</summary>
    public bool IsNaming(HandleSlot* slot, uint generation)
    {
        // Under the lock: out of scopes the slots' memory may go.
        _lock.Enter();
        bool naming = !_closed && slot->Generation == generation && slot->Block != 0;
        _lock.Exit();
        return naming;
    }

    private void AddLocked(SlotBlock* added)
    {
        added->Next = _blocks;
        _blocks = added;
        HandleSlot* slots = SlotBlock.Slots(added);
        for (int i = SlotsPerBlock - 1; i >= 0; i--)
        {
            slots[i].NextFree = _free;
            _free = slots + i;
        }
    }

    /// <summary>
    /// Visits all slots, so many at a time. While no thread is in a scope, none is taken or set; handles may go meanwhile.
    /// </summary>
    protected ref struct SlotWalk(HandleTable table)
    {
        private SlotBlock* _next = table._blocks;

        public Span<HandleSlot> Current { get; private set; }

        public bool MoveNext()
        {
            if (_next == null)
            {
                return false;
            }

            Current = new Span<HandleSlot>(SlotBlock.Slots(_next), SlotsPerBlock);
            _next = _next->Next;
            return true;
        }
    }

    private struct SlotBlock
    {
        public SlotBlock* Next;

        public static HandleSlot* Slots(SlotBlock* block) => (HandleSlot*)(block + 1);
    }
}
