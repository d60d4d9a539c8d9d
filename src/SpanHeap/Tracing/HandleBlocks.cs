using System.Diagnostics;
using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>
/// The slots of a table of handles, in blocks. Blocks in which handles have some serve first; those in which none has are kept to half of
/// all, and the memory of the others goes back to the system: so what a burst of handles took is not kept, and each block that goes back has
/// been full of handles since it came.
/// </summary>
/// <remarks>All by the table's lock but what says otherwise. Addresses of slots stay good as long as the heap.</remarks>
internal sealed unsafe class HandleBlocks(MetadataAllocator metadata, OsMemory os)
{
    // After the first block, so many are made at once.
    private const int BlocksAtOnce = 16;

    // Blocks without a handle that are kept in any case, so that few handles that come and go cost nothing.
    private const int LeastKept = 2;

    // Read by the collector without the lock; pushed by release.
    private nint _newest;
    private int _count;

    // With some free slots and some that handles have; without handles; and the same, without memory. The others are full.
    private HandleBlockList _partial;
    private HandleBlockList _empty;
    private HandleBlockList _gone;

    // Blocks whose memory is being given back just now.
    private int _leaving;

    /// <summary>The block made last, from which <see cref="HandleBlock.Older"/> leads to all others. Without the lock.</summary>
    public HandleBlock* Newest => (HandleBlock*)Volatile.Read(ref _newest);

    /// <summary>Whether there is a free slot.</summary>
    public bool HasFree => _partial.First != null || _empty.First != null || _gone.First != null;

    /// <summary>Blocks whose memory was given back.</summary>
    public int Gone => _gone.Count;

    /// <summary>Blocks there are.</summary>
    public int Count => _count;

    /// <summary>A slot; there is a free one.</summary>
    public HandleSlot* Take()
    {
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
    /// <returns>A block that the caller is to pass to <see cref="GiveBack"/> without the lock; null for none.</returns>
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

    /// <summary>A block beyond those that are kept without a handle, for <see cref="GiveBack"/>; null when there is none.</summary>
    public HandleBlock* TakeSurplus()
    {
        int used = _count - _empty.Count - _gone.Count - _leaving;
        return _empty.Count > Math.Max(LeastKept, used) ? TakeKept() : null;
    }

    /// <summary>Gives the memory of a block's slots, all of them free, back to the system. Without the lock: nobody else has the block.</summary>
    public void GiveBack(HandleBlock* block)
    {
        // Whether they read as zero then or as they are: all are zero, and what says where the record is is written again.
        Debug.Assert(block->Used == 0, "No handle has a slot of the block.");
        if (os.Discard((nint)block->Slots, HandleBlock.SlotBytes))
        {
            block->IsCounted = false;
            metadata.Count(-(long)HandleBlock.SlotBytes);
        }
    }

    /// <summary>A block that <see cref="GiveBack"/> has seen can serve again.</summary>
    public void AddGone(HandleBlock* block)
    {
        _leaving--;
        _gone.Add(block);
    }

    /// <summary>A block that is kept without a handle, for <see cref="GiveBack"/>; null when there is none.</summary>
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

    /// <summary>Makes blocks. Without the lock.</summary>
    /// <returns>The first of some that <see cref="Add"/> takes; null when there is no memory.</returns>
    public HandleBlock* TryMake()
    {
        nuint blocks = Volatile.Read(ref _count) == 0 ? 1u : BlocksAtOnce;

        // One piece of memory: the records lie behind the slots.
        nint memory = (nint)metadata.Allocate(((blocks + 1) * HandleBlock.SlotBytes) + (blocks * HandleBlock.RecordBytes));
        if (memory == 0)
        {
            return null;
        }

        // What aligning has left over is not touched.
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
