using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// A heap's empty magazines. They go round: where one thread fills magazines and another empties them, the emptied ones come back to
/// the first through here, so there are never more than were once in use together.
/// </summary>
/// <remarks>Thread safe by a lock of its own, the last in the order. Only <see cref="TryGrow"/> may ask the system; it takes no lock while it does.</remarks>
internal sealed unsafe class MagazinePool(MetadataAllocator metadata)
{
    // A heap's first are few, because many heaps have few blocks.
    private const int FirstMagazines = 4;
    private const int MagazinesPerGrowth = 16;

    private NativeLock _lock;

    // Guarded by the lock; counts are read without it by statistics.
    private Magazine* _empty;
    private int _emptyCount;
    private int _total;

    /// <summary>Magazines that exist.</summary>
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
        Magazine* magazine = _empty;
        if (magazine != null)
        {
            _empty = magazine->Next;
            _emptyCount--;
        }

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
        _lock.Enter();
        magazine->Next = _empty;
        _empty = magazine;
        _emptyCount++;
        _lock.Exit();
    }

    /// <summary>Makes more; false when there is no memory. Call without a lock.</summary>
    public bool TryGrow()
    {
        int count = Total == 0 ? FirstMagazines : MagazinesPerGrowth;
        byte* block = (byte*)metadata.Allocate((nuint)count * Magazine.Size);
        if (block == null)
        {
            return false;
        }

        Interlocked.Add(ref _total, count);
        for (int i = count - 1; i >= 0; i--)
        {
            Give((Magazine*)(block + (i * Magazine.Size)));
        }

        return true;
    }
}
