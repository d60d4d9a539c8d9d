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
/// Nothing is ever popped from it, and a push reads only its top and its bound. So any thread that holds the cache's lock may take what lies below the
/// top, whatever the owning thread does meanwhile: rounds take what has waited for one of them, as they do with outboxes. The stack holds no more bytes
/// than another one may.
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

    /// <summary>Sorts what any thread has gathered, which may go on to gather meanwhile. The caller holds no lock.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <param name="idleOnly">Whether to do so only if nothing has been added since the last call.</param>
    /// <returns>Whether something is left.</returns>
    public bool Take(ThreadCache* cache, bool idleOnly)
    {
        LockOrder.AssertNoneHeld();
        ClassStack* stack = &cache->Gathered;
        cache->Lock.Enter();
        nint* top = (nint*)Volatile.Read(ref *(nint*)&stack->Top);
        if (top != stack->Base && (!idleOnly || top == cache->GatheredSeen))
        {
            TakeLocked(cache, stack, (int)(top - stack->Base));
        }

        cache->GatheredSeen = top;
        bool isLeft = top != stack->Base;
        cache->Lock.Exit();
        remote.SendPending(cache);
        return isLeft;
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

    // Closes the stack, and sorts what was on it. Returns false when there was no magazine for some blocks.
    private bool SortLocked(ThreadCache* cache, ClassStack* stack)
    {
        Magazine* gathered = stack->Remove();
        if (Outboxes.TryAddWholeLocked(cache, gathered))
        {
            return true;
        }

        int left = AddLocked(cache, Magazine.Blocks(gathered), gathered->Count, out bool lacksMagazines);
        if (left == 0)
        {
            spares.Give(cache, gathered);
        }
        else
        {
            MagazineReturn.PutAside(cache, gathered, left);
        }

        return !lacksMagazines;
    }

    // The bound does not move, so there still is room for one more.
    private void TakeLocked(ThreadCache* cache, ClassStack* stack, int count)
    {
        nint* blocks = stack->Base;
        int left = AddLocked(cache, blocks, count, out _);
        Magazine* aside = left == 0 ? null : spares.TryTake(cache);
        if (aside != null)
        {
            new Span<nint>(blocks, left).CopyTo(new Span<nint>(Magazine.Blocks(aside), left));
            MagazineReturn.PutAside(cache, aside, left);
            left = 0;
        }

        // Without a magazine, these wait until the next time.
        new Span<nint>(blocks, left).CopyTo(new Span<nint>(blocks + count - left, left));
        stack->Base += count - left;
        stack->Floor += (short)(count - left);
    }

    // Puts blocks into the outbox. Some do not go there: those for which there is no magazine, and those that the program has freed twice and that are no
    // blocks any more. They are moved to the start, to be returned to their owners one by one. Returns their number.
    private int AddLocked(ThreadCache* cache, nint* blocks, int count, out bool lacksMagazines)
    {
        lacksMagazines = false;
        int left = 0;
        for (int i = 0; i < count; i++)
        {
            uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(blocks[i]));
            bool isBlock = PageEntry.IsOfBlocks(entry);
            if (!isBlock || !outboxes.TryAddLocked(cache, blocks[i], entry))
            {
                lacksMagazines |= isBlock;
                blocks[left++] = blocks[i];
            }
        }

        return left;
    }
}
