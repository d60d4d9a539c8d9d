using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// A heap's empty magazines. They go round: where one thread fills magazines and another empties them, the emptied ones come back to
/// the first through here, so there are never more than were once in use together. Those that a burst has left give their memory back, in
/// groups, once whole groups have been at hand for a while.
/// </summary>
/// <remarks>
/// Thread safe by a lock of its own, the last in the order. Only <see cref="TryGrow"/> and <see cref="TryGiveBack"/> may ask the system; they
/// hold no lock while they do.
/// </remarks>
internal sealed unsafe class MagazinePool(MetadataAllocator metadata, HeapClock clock)
{
    // A heap's first are few, because many heaps have few blocks. Groups whose memory may go back come later.
    private const int FirstMagazines = 4;
    private const int MagazinesPerGrowth = 16;
    private const int MagazinesPerGroup = 64;
    private const int TotalBeforeGroups = 256;

    // Groups of empty magazines that keep their memory.
    private const int KeptIdle = 2;

    private NativeLock _lock;

    // All guarded by the lock; counts are read without it by statistics. Groups with none at hand are in no list.
    private MagazineGroup* _partial;
    private MagazineGroup* _lastPartial;

    // Groups of which all are at hand, the latest first; those whose memory has gone back are apart.
    private MagazineGroup* _idle;
    private MagazineGroup* _oldestIdle;
    private MagazineGroup* _givenBack;
    private int _idleCount;
    private int _emptyCount;
    private int _total;

    /// <summary>Magazines that exist and have memory.</summary>
    public int Total => Volatile.Read(ref _total);

    /// <summary>Whether there is none to take. May be out of date at once.</summary>
    public bool IsEmpty => Volatile.Read(ref _emptyCount) == 0;

    /// <summary>An empty magazine; null when the pool has none.</summary>
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
            MagazineGroup.Unlink(ref _partial, ref _lastPartial, group);
            AddIdle(group);
        }
        else if (group->EmptyCount == 1)
        {
            MagazineGroup.Link(ref _partial, ref _lastPartial, group);
        }

        _lock.Exit();
    }

    /// <summary>Makes more; false when there is no memory. Call without a lock.</summary>
    public bool TryGrow()
    {
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
            MagazineGroup.Link(ref _partial, ref _lastPartial, group);
        }

        _lock.Exit();
        return true;
    }

    /// <summary>Gives the memory of one group of empty magazines back, if there are more than a few. Call without a lock.</summary>
    /// <param name="discards">By which it goes back.</param>
    /// <param name="idleOnly">Only if all have been at hand for a whole round.</param>
    /// <param name="isWorkLeft">Whether there will be more to give back in another round.</param>
    /// <returns>Whether there may be more to give back now.</returns>
    public bool TryGiveBack(DiscardBackoff discards, bool idleOnly, out bool isWorkLeft)
    {
        _lock.Enter();
        isWorkLeft = _idleCount > KeptIdle;
        MagazineGroup* group = isWorkLeft && (!idleOnly || _oldestIdle->IdleSince + 1 < clock.Now) ? _oldestIdle : null;
        if (group != null)
        {
            // In no list, so that nobody takes from it meanwhile.
            MagazineGroup.Unlink(ref _idle, ref _oldestIdle, group);
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
        MagazineGroup* group = _partial;
        if (group == null)
        {
            group = _idle != null ? TakeIdle() : Restore();
            MagazineGroup.Link(ref _partial, ref _lastPartial, group);
        }

        _emptyCount--;
        Magazine* magazine = MagazineGroup.Take(group);
        if (group->EmptyCount == 0)
        {
            MagazineGroup.Unlink(ref _partial, ref _lastPartial, group);
        }

        return magazine;
    }

    private void AddIdle(MagazineGroup* group)
    {
        group->IdleSince = clock.Now;
        MagazineGroup.Link(ref _idle, ref _oldestIdle, group);
        _idleCount++;
    }

    private MagazineGroup* TakeIdle()
    {
        MagazineGroup* group = _idle;
        MagazineGroup.Unlink(ref _idle, ref _oldestIdle, group);
        _idleCount--;
        return group;
    }

    private MagazineGroup* Restore()
    {
        MagazineGroup* group = _givenBack;
        _givenBack = group->Next;
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
