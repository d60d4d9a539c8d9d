using SpanHeap.Os;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>What keeps blocks alive: a word for each strong handle, and the root arrays.</summary>
/// <remarks>
/// Thread safe by its lock. Slots are in native memory that is not freed while the heap lives, so that a handle that was freed reads a
/// generation that is not its own. Handles read slots in a scope, without the lock: the block by acquire, then the generation, which is
/// changed before the block is. The collector reads them while no thread is in a scope.
/// </remarks>
internal sealed unsafe partial class RootTable(MetadataAllocator metadata)
{
    private const int SlotsPerBlock = 512;

    private NativeLock _lock;

    // All guarded by the lock.
    private RootBlock* _blocks;
    private RootSlot* _free;
    private long _count;
    private bool _closed;

    public RootArrays Arrays { get; } = new();

    /// <summary>Handles in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>A slot; null when there is no memory. In a scope.</summary>
    public RootSlot* TryTake(nint block)
    {
        _lock.Enter();
        if (_free == null)
        {
            _lock.Exit();
            InterleavingPoints.At(InterleavingPoint.RootSlotsMissing);
            RootBlock* added = (RootBlock*)metadata.Allocate((nuint)sizeof(RootBlock) + (SlotsPerBlock * (nuint)sizeof(RootSlot)));
            if (added == null)
            {
                return null;
            }

            _lock.Enter();
            AddLocked(added);
        }

        RootSlot* slot = _free;
        _free = slot->NextFree;
        Volatile.Write(ref slot->Block, block);
        slot->IsUsed = 1;
        _count++;
        _lock.Exit();
        return slot;
    }

    /// <summary>Frees a slot that is still of that generation; false otherwise. In a scope or out.</summary>
    public bool TryFree(RootSlot* slot, uint generation)
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
    public bool TrySet(RootSlot* slot, uint generation, nint block)
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

    /// <summary>
    /// Gives a marker every root. No thread is in a scope, so no slot is taken or set; handles and arrays may go meanwhile, and
    /// what they named is then kept once more.
    /// </summary>
    public void VisitAll(Marker marker)
    {
        for (RootBlock* block = _blocks; block != null; block = block->Next)
        {
            RootSlot* slots = RootBlock.Slots(block);
            for (int i = 0; i < SlotsPerBlock; i++)
            {
                marker.Visit(Volatile.Read(ref slots[i].Block));
            }
        }

        Arrays.VisitAll(marker);
    }

    private void AddLocked(RootBlock* added)
    {
        added->Next = _blocks;
        _blocks = added;
        RootSlot* slots = RootBlock.Slots(added);
        for (int i = SlotsPerBlock - 1; i >= 0; i--)
        {
            slots[i].NextFree = _free;
            _free = slots + i;
        }
    }

    private struct RootBlock
    {
        public RootBlock* Next;

        public static RootSlot* Slots(RootBlock* block) => (RootSlot*)(block + 1);
    }
}
