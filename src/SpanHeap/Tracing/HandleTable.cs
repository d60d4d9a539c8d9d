using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>The blocks that handles name: a slot for each handle.</summary>
/// <remarks>
/// Thread safe by its lock. Slots are in native memory whose addresses stay good while the heap lives, so that a handle that was freed reads a
/// number that is not its own. Handles read slots in a scope, without the lock: the block by acquire, then the number, which is
/// changed before the block is. The collector reads them while no thread is in a scope.
/// </remarks>
internal abstract unsafe partial class HandleTable(MetadataAllocator metadata, OsMemory os)
{
    private readonly HandleBlocks _blocks = new(metadata, os);
    private NativeLock _lock;

    // All guarded by the lock. The number of the last handle: 64 bits do not come round.
    private ulong _lastNumber;
    private long _count;
    private bool _closed;

    /// <summary>Handles in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>The blocks with the slots.</summary>
    internal HandleBlocks Blocks => _blocks;

    /// <summary>A slot, whose <see cref="HandleSlot.Number"/> is that of the handle; null when there is no memory. In a scope.</summary>
    public HandleSlot* TryTake(nint block)
    {
        _lock.Enter();
        while (!_blocks.HasFree)
        {
            _lock.Exit();
            InterleavingPoints.At(InterleavingPoint.RootSlotsMissing);
            HandleBlock* made = _blocks.TryMake();
            if (made == null)
            {
                return null;
            }

            _lock.Enter();
            _blocks.Add(made);
        }

        HandleSlot* slot = _blocks.Take();
        Volatile.Write(ref slot->Block, block);
        Volatile.Write(ref slot->Number, ++_lastNumber);
        _count++;
        _lock.Exit();
        return slot;
    }

    /// <summary>Frees a slot that still is the handle's; false otherwise. In a scope or out.</summary>
    public bool TryFree(HandleSlot* slot, ulong number)
    {
        _lock.Enter();
        bool used = !_closed && slot->Number == number;
        HandleBlock* empty = null;
        if (used)
        {
            Volatile.Write(ref slot->Number, 0);
            Volatile.Write(ref slot->Block, 0);
            empty = _blocks.Free(slot);
            _count--;
        }

        _lock.Exit();
        while (empty != null)
        {
            // At most two: with each block that falls empty one fewer is to be kept.
            empty = GiveBack(empty);
        }

        return used;
    }

    /// <summary>Makes a slot that still is the handle's name another block; false otherwise.</summary>
    public bool TrySet(HandleSlot* slot, ulong number, nint block)
    {
        // Under the lock: otherwise the slot could become another handle's between the look and the write.
        _lock.Enter();
        bool used = slot->Number == number;
        if (used)
        {
            Volatile.Write(ref slot->Block, block);
        }

        _lock.Exit();
        return used;
    }

    /// <summary>Gives memory back that no handle has.</summary>
    public void Trim()
    {
        HandleBlock* empty;
        do
        {
            _lock.Enter();
            empty = _closed ? null : _blocks.TakeKept();
            _lock.Exit();
            for (HandleBlock* next = empty; next != null;)
            {
                next = GiveBack(next);
            }
        }
        while (empty != null);
    }

    /// <summary>The slots' memory is about to go: handles that are disposed from now on have nothing to free.</summary>
    public void Close()
    {
        _lock.Enter();
        _closed = true;
        _lock.Exit();
    }

    /// <summary>Whether a slot still is the handle's and names a block. In a scope or out.</summary>
    public bool IsNaming(HandleSlot* slot, ulong number)
    {
        // Under the lock: out of scopes the slots' memory may go.
        _lock.Enter();
        bool naming = !_closed && slot->Number == number && slot->Block != 0;
        _lock.Exit();
        return naming;
    }

    // Nobody else has the block. A heap that is disposed meanwhile has a user too many, as ever.
    // Returns the next block whose memory is to go; null for none.
    private HandleBlock* GiveBack(HandleBlock* empty)
    {
        _blocks.GiveBack(empty);
        _lock.Enter();
        _blocks.AddGone(empty);
        HandleBlock* next = _closed ? null : _blocks.TakeSurplus();
        _lock.Exit();
        return next;
    }

    /// <summary>
    /// Visits all slots that handles have. While no thread is in a scope, none is taken or set; handles may go meanwhile, and their slots are
    /// then seen or not.
    /// </summary>
    protected ref struct SlotWalk(HandleTable table)
    {
        private HandleBlock* _next = table._blocks.Newest;
        private HandleBlock.Walk _slots;

        /// <summary>The slot.</summary>
        public readonly HandleSlot* Current => _slots.Current;

        /// <summary>Which of the table's slots it is.</summary>
        public long Number { get; private set; }

        // Of the block that is being visited.
        private long _first;

        public bool MoveNext()
        {
            while (!_slots.MoveNext())
            {
                if (_next == null)
                {
                    return false;
                }

                _first = (long)_next->Index * HandleBlock.Capacity;
                _slots = new HandleBlock.Walk(_next);
                _next = _next->Older;
            }

            Number = _first + _slots.Place;
            return true;
        }
    }
}
