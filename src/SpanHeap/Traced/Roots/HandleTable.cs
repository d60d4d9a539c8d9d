using SpanHeap.Os;

namespace SpanHeap.Traced.Roots;

/// <summary>A slot for each handle, which says which block the handle names.</summary>
/// <remarks>
/// Thread safe by its lock. Slots are in native memory whose addresses stay valid while the heap lives, so that a freed handle reads a number that
/// is not its own. Handles read slots in a scope, without the lock: the block by acquire, then the number, which changes before the block does. The
/// collector reads them while no thread is in a scope.
/// </remarks>
internal abstract unsafe partial class HandleTable(MetadataAllocator metadata, OsMemory os)
{
    // A walk over the slots also takes a step for each 64 places of a block, taken or not.
    private const int WalkStepsPerBlock = 16;

    private readonly HandleBlocks _blocks = new(metadata, os);
    private NativeLock _lock;

    // The fields below are guarded by the lock. The number of the last handle; 64 bits do not wrap around.
    private ulong _lastNumber;
    private long _count;
    private bool _closed;

    /// <summary>The number of handles in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>About how many steps a walk over the slots takes.</summary>
    public long WalkSteps => Count + ((long)_blocks.Count * WalkStepsPerBlock);

    /// <summary>The blocks with the slots.</summary>
    internal HandleBlocks Blocks => _blocks;

    /// <summary>The lock, for what a derived table guards by it.</summary>
    protected ref NativeLock Lock => ref _lock;

    /// <summary>
    /// Takes a slot, whose <see cref="HandleSlot.Number"/> becomes that of the handle; null if there is no memory. The caller is in a scope.
    /// </summary>
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

    /// <summary>Frees a slot that still belongs to the handle; false otherwise. May be called in or out of scopes.</summary>
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
            // At most two blocks go: with each block that becomes empty, one fewer is kept.
            empty = GiveBack(empty);
        }

        return used;
    }

    /// <summary>Makes a slot that still belongs to the handle name another block; false otherwise.</summary>
    public bool TrySet(HandleSlot* slot, ulong number, nint block)
    {
        // This needs the lock: otherwise the slot could become another handle's between the check and the write.
        _lock.Enter();
        bool used = slot->Number == number;
        if (used)
        {
            Volatile.Write(ref slot->Block, block);
        }

        _lock.Exit();
        return used;
    }

    /// <summary>Gives back memory that no handle uses.</summary>
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

    /// <summary>Notes that the slots' memory is about to go: handles that are disposed from now on free nothing.</summary>
    public void Close()
    {
        _lock.Enter();
        _closed = true;
        _lock.Exit();
    }

    /// <summary>Whether a slot still belongs to the handle and names a block. May be called in or out of scopes.</summary>
    public bool IsNaming(HandleSlot* slot, ulong number)
    {
        // This needs the lock: outside of scopes the slots' memory may go.
        _lock.Enter();
        bool naming = !_closed && slot->Number == number && IsNamed(Volatile.Read(ref slot->Block));
        _lock.Exit();
        return naming;
    }

    /// <summary>Whether a slot that contains this address names a block. Called under the lock.</summary>
    protected virtual bool IsNamed(nint block) => block != 0;

    // No other thread has the block. The caller must not dispose the heap meanwhile, as with any use of it. Returns the next block whose memory
    // should go; null for none.
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
    /// Visits all slots that are taken. While no thread is in a scope, none is taken or set. Handles may be freed meanwhile, and while threads are in
    /// scopes also made; their slots may then be visited or not.
    /// </summary>
    public ref struct SlotWalk(HandleTable table)
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
