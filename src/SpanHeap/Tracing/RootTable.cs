using SpanHeap.Os;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Words that keep blocks alive: one per strong handle, and as many as they like for root arrays.</summary>
/// <remarks>
/// Thread safe by its lock. Slots are in native memory that is not freed while the heap lives, so that a handle that was freed reads a
/// generation that is not its own. Slots are read and written by threads in a scope, and read by the collector while none is.
/// </remarks>
internal sealed unsafe class RootTable(MetadataAllocator metadata)
{
    private const int SlotsPerBlock = 512;

    private NativeLock _lock;

    // All guarded by the lock.
    private RootBlock* _blocks;
    private RootSlot* _free;
    private RootArrayMemory* _arrays;
    private long _count;

    /// <summary>Handles in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>A slot; null when there is no memory.</summary>
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
        slot->Block = block;
        slot->IsUsed = 1;
        _count++;
        _lock.Exit();
        return slot;
    }

    /// <summary>Frees a slot that is still of that generation; false otherwise.</summary>
    public bool TryFree(RootSlot* slot, uint generation)
    {
        _lock.Enter();
        bool used = slot->Generation == generation && slot->IsUsed != 0;
        if (used)
        {
            slot->Generation++;
            slot->IsUsed = 0;
            Volatile.Write(ref slot->Block, 0);
            slot->NextFree = _free;
            _free = slot;
            _count--;
        }

        _lock.Exit();
        return used;
    }

    /// <summary>Adds an array, of zeros. In a scope.</summary>
    public void Add(RootArrayMemory* array)
    {
        _lock.Enter();
        array->Previous = null;
        array->Next = _arrays;
        if (_arrays != null)
        {
            _arrays->Previous = array;
        }

        _arrays = array;
        _lock.Exit();
    }

    /// <summary>Takes an array out. In a scope.</summary>
    public void Remove(RootArrayMemory* array)
    {
        _lock.Enter();
        if (array->Previous == null)
        {
            _arrays = array->Next;
        }
        else
        {
            array->Previous->Next = array->Next;
        }

        if (array->Next != null)
        {
            array->Next->Previous = array->Previous;
        }

        _lock.Exit();
    }

    /// <summary>
    /// Gives a marker every root. No thread is in a scope, so no slot is taken and no array comes or goes; handles may be freed
    /// meanwhile, and what they named is then kept once more.
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

        for (RootArrayMemory* array = _arrays; array != null; array = array->Next)
        {
            nint* slots = RootArrayMemory.Slots(array);
            for (long i = 0; i < array->Length; i++)
            {
                marker.Visit(slots[i]);
            }
        }
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
