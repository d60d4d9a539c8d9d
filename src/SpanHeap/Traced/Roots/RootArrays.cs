using SpanHeap.Os;

namespace SpanHeap.Traced.Roots;

/// <summary>The slots of one root array, an entry in the list of its heap's root arrays.</summary>
internal sealed class RootArraySlots(nint[] slots)
{
    /// <summary>Addresses of blocks; 0 for none. Written and read by threads in a scope; read by the collector while no thread is in one.</summary>
    public nint[] Slots => slots;

    /// <summary>Guarded by the list's lock. Kept when the array is taken out, so that a walk that stands here can go on.</summary>
    public RootArraySlots? Next { get; set; }

    /// <summary>Guarded by the list's lock.</summary>
    public RootArraySlots? Previous { get; set; }
}

/// <summary>The root arrays of a heap: the blocks that they name live as long as the arrays are in this list.</summary>
/// <remarks>
/// Thread safe. The slots are managed memory, so a thread that uses an array while another disposes it reads an old value at worst. Arrays come and
/// go at any time, in or out of scopes, under the lock; the collector walks the list without it.
/// </remarks>
internal sealed class RootArrays
{
    // Not a lock statement: a thread that is interrupted while it waits would leave its array here for good.
    private NativeLock _lock;

    // Both are written under the lock. The collector reads the first.
    private RootArraySlots? _first;
    private long _count;

    /// <summary>The number of arrays that are not disposed.</summary>
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

    /// <summary>Takes an array out. Called once for each.</summary>
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
    /// The array added last; <see cref="RootArraySlots.Next"/> leads to all others. While no thread is in a scope, an array that is added names
    /// nothing yet, and one that is removed still leads to those after it.
    /// </summary>
    public RootArraySlots? First => Volatile.Read(ref _first);

    /// <summary>Shows every slot that names a block, and what messages call it. No thread is in a scope, or none uses the heap.</summary>
    public void Show(Action<string, nint> visit)
    {
        int number = 0;
        for (RootArraySlots? array = First; array != null; array = array.Next, number++)
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
