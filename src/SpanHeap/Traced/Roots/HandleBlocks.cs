using SpanHeap.Os;

namespace SpanHeap.Traced.Roots;

/// <summary>
/// The slots of a table of handles, in blocks. Partly used blocks serve first. Empty blocks are kept up to half of all, and the memory of the
/// others goes back to the system: so the memory that a burst of handles took is not kept, and each block that goes back has been full since it
/// came.
/// </summary>
/// <remarks>Guarded by the table's lock except where noted. Addresses of slots stay valid as long as the heap lives.</remarks>
internal sealed unsafe class HandleBlocks(MetadataAllocator metadata, OsMemory os)
{
    // After the first block, this many are made at once.
    private const int BlocksAtOnce = 16;

    // The number of empty blocks that are kept in any case, so that a few handles that come and go cost nothing.
    private const int LeastKept = 2;

    // Read by the collector without the lock; pushed by release.
    private nint _newest;
    private int _count;

    // Blocks with free and taken slots; empty blocks; and empty blocks without memory. All other blocks are full.
    private HandleBlockList _partial;
    private HandleBlockList _empty;
    private HandleBlockList _gone;

    // The number of blocks whose memory is just being given back.
    private int _leaving;

    /// <summary>The block made last, from which <see cref="HandleBlock.Older"/> leads to all others. Without the lock.</summary>
    public HandleBlock* Newest => (HandleBlock*)Volatile.Read(ref _newest);

    /// <summary>Whether there is a free slot.</summary>
    public bool HasFree => _partial.First != null || _empty.First != null || _gone.First != null;

    /// <summary>The number of blocks whose memory was given back.</summary>
    public int Gone => _gone.Count;

    /// <summary>The number of blocks.</summary>
    public int Count => _count;

    /// <summary>Takes a slot; there is a free one.</summary>
    public HandleSlot* Take()
    {
        Invariant.Assert(HasFree, "There is a free slot.");
        HandleBlock* block = _partial.First;
        if (block == null)
        {
            block = TakeEmpty();
            _partial.Add(block);
        }

        HandleSlot* slot = HandleBlock.Take(block);
        if (block->Used == HandleBlock.Capacity)
        {
            _partial.Remove(block);
        }

        return slot;
    }

    /// <summary>Frees a slot.</summary>
    /// <returns>A block that the caller must pass to <see cref="GiveBack"/> without holding the lock; null for none.</returns>
    public HandleBlock* Free(HandleSlot* slot)
    {
        HandleBlock* block = HandleBlock.Of(slot);
        if (block->Used == HandleBlock.Capacity)
        {
            _partial.Add(block);
        }

        HandleBlock.Free(block, slot);
        if (block->Used != 0)
        {
            return null;
        }

        _partial.Remove(block);
        _empty.Add(block);
        return TakeSurplus();
    }

    /// <summary>Takes an empty block beyond those that are kept, for <see cref="GiveBack"/>; null if there is none.</summary>
    public HandleBlock* TakeSurplus()
    {
        int used = _count - _empty.Count - _gone.Count - _leaving;
        return _empty.Count > Math.Max(LeastKept, used) ? TakeKept() : null;
    }

    /// <summary>
    /// Gives the memory of a block's slots, which are all free, back to the system. Called without the lock: no other thread has the block.
    /// </summary>
    public void GiveBack(HandleBlock* block)
    {
        // It does not matter whether they then read as zero or as before: all are zero, and the record's address is written again.
        LockOrder.AssertNoneHeld();
        Invariant.Assert(block->Used == 0, "No handle has a slot of the block.");
        if (os.Discard((nint)block->Slots, HandleBlock.SlotBytes))
        {
            block->IsCounted = false;
            metadata.Count(-(long)HandleBlock.SlotBytes);
        }
    }

    /// <summary>Lets a block that <see cref="GiveBack"/> has handled serve again.</summary>
    public void AddGone(HandleBlock* block)
    {
        Invariant.Assert(_leaving > 0 && block->Used == 0, "A block whose memory goes has left the lists, and no handle has a slot of it.");
        _leaving--;
        _gone.Add(block);
    }

    /// <summary>Takes an empty block that was kept, for <see cref="GiveBack"/>; null if there is none.</summary>
    public HandleBlock* TakeKept()
    {
        HandleBlock* block = _empty.First;
        if (block != null)
        {
            _empty.Remove(block);
            _leaving++;
        }

        return block;
    }

    /// <summary>Makes blocks. Called without the lock.</summary>
    /// <returns>The first of a chain for <see cref="Add"/>; null if there is no memory.</returns>
    public HandleBlock* TryMake()
    {
        nuint blocks = Volatile.Read(ref _count) == 0 ? 1u : BlocksAtOnce;

        // It is one piece of memory: the records lie after the slots.
        nint memory = (nint)metadata.Allocate(((blocks + 1) * HandleBlock.SlotBytes) + (blocks * HandleBlock.RecordBytes));
        if (memory == 0)
        {
            return null;
        }

        // What alignment leaves over is never touched.
        metadata.Count(-(long)HandleBlock.SlotBytes);
        nint slots = (nint)(((nuint)memory + HandleBlock.SlotBytes - 1) & ~(HandleBlock.SlotBytes - 1));
        nint records = slots + (nint)(blocks * HandleBlock.SlotBytes);
        HandleBlock* first = null;
        for (nuint i = blocks; i-- > 0;)
        {
            HandleBlock* made = (HandleBlock*)(records + (nint)(i * HandleBlock.RecordBytes));
            made->Slots = (HandleSlot*)(slots + (nint)(i * HandleBlock.SlotBytes));
            made->IsCounted = true;
            made->Next = first;
            first = made;
        }

        return first;
    }

    /// <summary>Adds blocks that were made.</summary>
    public void Add(HandleBlock* first)
    {
        for (HandleBlock* block = first; block != null;)
        {
            HandleBlock* next = block->Next;
            block->Next = null;
            block->Index = _count;
            block->Older = (HandleBlock*)_newest;
            Volatile.Write(ref _newest, (nint)block);
            Volatile.Write(ref _count, _count + 1);
            _gone.Add(block);
            block = next;
        }
    }

    private HandleBlock* TakeEmpty()
    {
        HandleBlock* block = _empty.First;
        if (block != null)
        {
            _empty.Remove(block);
            return block;
        }

        block = _gone.First;
        _gone.Remove(block);
        if (!block->IsCounted)
        {
            block->IsCounted = true;
            metadata.Count((long)HandleBlock.SlotBytes);
        }

        HandleBlock.Prepare(block);
        return block;
    }
}
