using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Caches;

/// <summary>
/// The empty magazines of a heap. They circulate: where one thread fills magazines and another one empties them, the emptied ones come back to the
/// first through here, so there are never more than were once in use together. Magazines left over from a burst give their memory back, in groups,
/// after whole groups have been at hand for a while.
/// </summary>
/// <remarks>
/// Thread safe by a lock of its own, the last in the lock order. Only <see cref="TryGrow"/> and <see cref="TryGiveBack"/> may call the system, and
/// they hold no lock while they do.
/// </remarks>
internal sealed unsafe class MagazinePool(MetadataAllocator metadata, HeapEpoch clock)
{
    // The first magazines of a heap are few, because many heaps have few blocks. Groups whose memory may be given back come later.
    private const int FirstMagazines = 4;
    private const int MagazinesPerGrowth = 16;
    private const int MagazinesPerGroup = 64;
    private const int TotalBeforeGroups = 256;

    // The number of groups of empty magazines that keep their memory.
    private const int KeptIdle = 2;

    private NativeLock _lock = new(LockRank.MagazinePool);

    // All guarded by the lock; statistics read the counts without it. Groups without a magazine at hand are in no list.
    private IntrusiveList<MagazineGroup> _partial;

    // The groups whose magazines are all at hand, the latest first. Those whose memory has been given back are kept apart.
    private IntrusiveList<MagazineGroup> _idle;
    private MagazineGroup* _givenBack;
    private int _idleCount;
    private int _emptyCount;
    private int _total;

    /// <summary>The number of magazines that exist and have memory.</summary>
    public int Total => Volatile.Read(ref _total);

    /// <summary>Whether there is no magazine to take. May be out of date at once.</summary>
    public bool IsEmpty => Volatile.Read(ref _emptyCount) == 0;

    /// <summary>Takes an empty magazine; null when the pool has none.</summary>
    public Magazine* TryTake()
    {
        if (IsEmpty)
        {
            return null;
        }

        _lock.Enter();
        Magazine* magazine = _emptyCount == 0 ? null : TakeLocked();
        _lock.Exit();
        if (magazine != null)
        {
            magazine->Next = null;
            magazine->Count = 0;
            magazine->IsMixed = false;
        }

        return magazine;
    }

    public void Give(Magazine* magazine)
    {
        MagazineGroup* group = MagazineGroup.Of(magazine);
        _lock.Enter();
        MagazineGroup.Give(group, magazine);
        _emptyCount++;
        if (group->EmptyCount == MagazinesPerGroup)
        {
            _partial.Remove(group);
            AddIdle(group);
        }
        else if (group->EmptyCount == 1)
        {
            _partial.AddFirst(group);
        }

        _lock.Exit();
    }

    /// <summary>Creates more magazines. Returns false when there is no memory. Call without a lock.</summary>
    public bool TryGrow()
    {
        LockOrder.AssertNoneHeld();
        int count = Total == 0 ? FirstMagazines : Total < TotalBeforeGroups ? MagazinesPerGrowth : MagazinesPerGroup;
        MagazineGroup* group = (MagazineGroup*)metadata.Allocate((nuint)MagazineGroup.BytesFor(count));
        if (group == null)
        {
            return false;
        }

        group->Count = group->EmptyCount = count;
        _lock.Enter();
        _total += count;
        _emptyCount += count;
        if (count == MagazinesPerGroup)
        {
            AddIdle(group);
        }
        else
        {
            _partial.AddFirst(group);
        }

        _lock.Exit();
        return true;
    }

    /// <summary>Gives the memory of one group of empty magazines back if there are more than a few. Call without a lock.</summary>
    /// <param name="discards">What discards the memory.</param>
    /// <param name="idleOnly">Whether all magazines must have been at hand for a whole round.</param>
    /// <param name="isWorkLeft">Whether there will be more to give back in a later round.</param>
    /// <returns>Whether there may be more to give back now.</returns>
    public bool TryGiveBack(DiscardBackoff discards, bool idleOnly, out bool isWorkLeft)
    {
        LockOrder.AssertNoneHeld();
        _lock.Enter();
        isWorkLeft = _idleCount > KeptIdle;
        MagazineGroup* group = isWorkLeft && (!idleOnly || _idle.Last->IdleSince + 1 < clock.Now) ? _idle.Last : null;
        if (group != null)
        {
            // In no list, so that no thread takes from it meanwhile.
            _idle.Remove(group);
            _idleCount--;
            _emptyCount -= MagazinesPerGroup;
        }

        _lock.Exit();
        if (group == null)
        {
            return false;
        }

        nint bytes = WholePages(group, out nint first);
        bool given = bytes > 0 && discards.TryDiscard(first, (nuint)bytes);
        _lock.Enter();
        _emptyCount += MagazinesPerGroup;
        if (given)
        {
            MagazineGroup.Forget(group);
            group->Next = _givenBack;
            _givenBack = group;
            _total -= MagazinesPerGroup;
        }
        else
        {
            AddIdle(group);
        }

        _lock.Exit();
        metadata.Count(given ? -bytes : 0);
        isWorkLeft &= given;
        return given;
    }

    private Magazine* TakeLocked()
    {
        _lock.AssertHeld();
        MagazineGroup* group = _partial.First;
        if (group == null)
        {
            group = _idle.First != null ? TakeIdle() : Restore();
            _partial.AddFirst(group);
        }

        _emptyCount--;
        Magazine* magazine = MagazineGroup.Take(group);
        if (group->EmptyCount == 0)
        {
            _partial.Remove(group);
        }

        return magazine;
    }

    private void AddIdle(MagazineGroup* group)
    {
        _lock.AssertHeld();
        group->IdleSince = clock.Now;
        _idle.AddFirst(group);
        _idleCount++;
    }

    private MagazineGroup* TakeIdle()
    {
        MagazineGroup* group = _idle.First;
        _idle.Remove(group);
        _idleCount--;
        return group;
    }

    private MagazineGroup* Restore()
    {
        _lock.AssertHeld();
        MagazineGroup* group = _givenBack;
        _givenBack = group->Next;
        group->Next = null;
        _total += MagazinesPerGroup;
        metadata.Count(WholePages(group, out _));
        return group;
    }

    private static nint WholePages(MagazineGroup* group, out nint first)
    {
        nint page = (nint)OsMemory.PageSize;
        first = ((nint)group + MagazineGroup.HeaderBytes + page - 1) & -page;
        return (((nint)group + MagazineGroup.BytesFor(group->Count)) & -page) - first;
    }
}
