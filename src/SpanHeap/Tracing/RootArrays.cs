using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>Slots of one root array, in the list of its heap's.</summary>
internal sealed class RootArraySlots(nint[] slots)
{
    /// <summary>Addresses of blocks; 0 for none. Written and read by threads in a scope, read by the collector while none is.</summary>
    public nint[] Slots => slots;

    /// <summary>By the list's lock. Kept when it is taken out, so that who stands here goes on.</summary>
    public RootArraySlots? Next { get; set; }

    /// <summary>By the list's lock.</summary>
    public RootArraySlots? Previous { get; set; }
}

/// <summary>The root arrays of a heap: what they name is kept as long as they are here.</summary>
/// <remarks>
/// Thread safe. The slots are managed memory, so that a thread that still has an array that another disposes reads an old value at the
/// worst. Arrays come and go at any time, in scopes or out, by the lock; the collector walks the list without it.
/// </remarks>
internal sealed class RootArrays
{
    // Not a lock statement: a thread that is interrupted while it waits would leave its array here for ever.
    private NativeLock _lock;

    // Both written by the lock. The first is read by the collector.
    private RootArraySlots? _first;
    private long _count;

    /// <summary>Arrays that are not disposed.</summary>
    public long Count => Volatile.Read(ref _count);

    public void Add(RootArraySlots array)
    {
        _lock.Enter();
        array.Next = _first;
        if (_first != null)
        {
            _first.Previous = array;
        }

        Volatile.Write(ref _first, array);
        _count++;
        _lock.Exit();
    }

    /// <summary>Takes an array out. Once for each.</summary>
    public void Remove(RootArraySlots array)
    {
        _lock.Enter();
        if (array.Previous == null)
        {
            _first = array.Next;
        }
        else
        {
            array.Previous.Next = array.Next;
        }

        if (array.Next != null)
        {
            array.Next.Previous = array.Previous;
        }

        _count--;
        _lock.Exit();
    }

    /// <summary>
    /// Gives a marker every slot. No thread is in a scope: so one that comes now names nothing yet, and one that goes now leads on to
    /// those behind it, and what it named is kept once more.
    /// </summary>
    public void VisitAll(Marker marker)
    {
        for (RootArraySlots? array = Volatile.Read(ref _first); array != null; array = array.Next)
        {
            foreach (nint block in array.Slots)
            {
                marker.Visit(block);
            }
        }
    }

    /// <summary>Shows every slot that names a block, and what messages call it. No thread is in a scope, or nobody uses the heap.</summary>
    public void Show(Action<string, nint> visit)
    {
        int number = 0;
        for (RootArraySlots? array = Volatile.Read(ref _first); array != null; array = array.Next, number++)
        {
            for (int i = 0; i < array.Slots.Length; i++)
            {
                if (array.Slots[i] != 0)
                {
                    visit($"root array {number}[{i}]", array.Slots[i]);
                }
            }
        }
    }
}
