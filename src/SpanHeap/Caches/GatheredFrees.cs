using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Frees small blocks of other caches without a lock. The thread pushes them onto a stack of its own, as it does with blocks of its own, and does not
/// ask whose they are (<see cref="ThreadCache.TryGather"/>). When that stack is full, one hold of the cache's lock sorts them by owner.
/// </summary>
/// <remarks>
/// <para>
/// The stack is one more of the thread's stacks, and follows the same rules: it belongs to the thread while that thread lives, holds no more bytes than
/// another stack may, and is drained with the others. So a thread that runs and frees nothing more keeps what it has gathered, as it keeps what its
/// other stacks hold.
/// </para>
/// <para>
/// It stays closed in a heap with a limit, where a stack is bounded by the spans that it keeps from being free, because each of its blocks may be of
/// another span; and in a heap whose slow paths must see every call. Blocks go to the outbox one by one there.
/// </para>
/// </remarks>
internal sealed unsafe class GatheredFrees(
    RemoteFrees remote, Outboxes outboxes, SpareMagazines spares, MagazinePool magazines, ParkingBudget budget, bool hidden)
{
    // Constant for a heap.
    private readonly bool _isOff = hidden || budget.IsBounded;

    /// <summary>
    /// Frees a block of another cache for which <see cref="ThreadCache.TryGather"/> had no room: gathers it, and sorts what was gathered if the stack is
    /// full now. Returns false, with nothing changed, if the block is not to be gathered or there is no memory.
    /// </summary>
    /// <param name="cache">The calling thread's cache.</param>
    /// <param name="block">The block.</param>
    /// <param name="entry">The entry of its page, which names its owner.</param>
    public bool TryFree(ThreadCache* cache, nint block, uint entry)
    {
        LockOrder.AssertNoneHeld();
        if (_isOff || !ThreadCache.IsGathered(entry))
        {
            return false;
        }

        ClassStack* stack = &cache->Gathered;
        InterleavingPoints.At(InterleavingPoint.RemoteBlockFreed);
        cache->Lock.Enter();
        bool isFull = stack->IsOpen;
        bool isGathered = isFull || TryOpenLocked(cache, stack);
        if (isGathered)
        {
            // The bound of the stack leaves room for it.
            *stack->Top++ = block;
        }

        bool isDone = !isFull || (SortLocked(cache, stack) & TryOpenLocked(cache, stack));
        cache->Lock.Exit();
        if (isFull)
        {
            remote.SendAndWiden(cache);
        }

        if (!isDone)
        {
            magazines.TryGrow();
        }

        return isGathered;
    }

    /// <summary>Sorts what was gathered, and closes the stack. The caller has the cache to itself and holds no lock.</summary>
    public void Drain(ThreadCache* cache)
    {
        LockOrder.AssertNoneHeld();
        ClassStack* stack = &cache->Gathered;
        if (!stack->IsOpen)
        {
            return;
        }

        cache->Lock.Enter();
        SortLocked(cache, stack);
        cache->Lock.Exit();
        remote.SendPending(cache);
    }

    private bool TryOpenLocked(ThreadCache* cache, ClassStack* stack)
    {
        bool isOpen = spares.TryOpen(cache, stack);
        if (isOpen)
        {
            stack->SetCapacity(Math.Max(ParkingBudget.FewestBlocks, (Magazine.Capacity - 1) >> budget.Shift));
        }

        return isOpen;
    }

    // Closes the stack, and puts what was on it into the outbox. Returns false when some blocks found no magazine there. These are put aside together,
    // and will be returned to their owners one by one.
    private bool SortLocked(ThreadCache* cache, ClassStack* stack)
    {
        Magazine* gathered = stack->Remove();
        if (Outboxes.TryAddWholeLocked(cache, gathered))
        {
            return true;
        }

        nint* blocks = Magazine.Blocks(gathered);
        int left = 0;
        for (int i = 0; i < gathered->Count; i++)
        {
            // A block that the program has freed twice may no longer be one.
            uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(blocks[i]));
            if (!PageEntry.IsOfBlocks(entry) || !outboxes.TryAddLocked(cache, blocks[i], entry))
            {
                blocks[left++] = blocks[i];
            }
        }

        if (left == 0)
        {
            spares.Give(cache, gathered);
            return true;
        }

        MagazineReturn.PutAside(cache, gathered, left);
        return false;
    }
}
