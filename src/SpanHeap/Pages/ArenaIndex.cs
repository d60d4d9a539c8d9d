using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// The arenas of a page heap by age, with a tournament tree over the longest free run of each: the oldest arena that can serve a request
/// is found in a few steps, however many there are.
/// </summary>
/// <remarks>
/// <para>
/// The oldest first, not the lowest: an arena that was needed for a moment empties again and goes back to the system. (Systems give new
/// mappings falling addresses: the lowest is the newest, and took everything from then on, beside what the old ones kept.)
/// </para>
/// <para>Guarded by the page heap's lock, but for <see cref="EnsureRoom"/>, which asks the system for memory and takes it itself.</para>
/// </remarks>
internal sealed unsafe class ArenaIndex(MetadataAllocator metadata)
{
    private const int InitialCapacity = 16;

    private ArenaPages** _arenas;
    private int _capacity;

    // The arenas' numbers in address order.
    private int* _byAddress;

    // _tree[1] is the root, _tree[_capacity + i] the longest run of arena i.
    private int* _tree;

    public int Count { get; private set; }

    /// <summary>The longest free run of an arena as the tree has it.</summary>
    public int LongestRun(int index) => _tree[_capacity + index];

    public ArenaPages* this[int index] => _arenas[index];

    /// <summary>Makes room for one more arena; false when there is no memory. Call without the lock.</summary>
    public bool EnsureRoom(ref NativeLock pageHeapLock)
    {
        pageHeapLock.Enter();
        int capacity = _capacity;
        bool room = Count < capacity;
        pageHeapLock.Exit();
        if (room)
        {
            return true;
        }

        // The old arrays stay where they are: doubling bounds what that costs by the size of the new ones.
        int larger = Math.Max(InitialCapacity, capacity * 2);
        ArenaPages** arenas = (ArenaPages**)metadata.Allocate((nuint)(larger * (sizeof(ArenaPages*) + (3 * sizeof(int)))));
        if (arenas == null)
        {
            return false;
        }

        int* tree = (int*)(arenas + larger);
        int* byAddress = tree + (2 * larger);

        pageHeapLock.Enter();
        if (_capacity < larger)
        {
            new Span<nint>(_arenas, Count).CopyTo(new Span<nint>(arenas, larger));
            new Span<int>(_byAddress, Count).CopyTo(new Span<int>(byAddress, larger));
            _arenas = arenas;
            _byAddress = byAddress;
            _tree = tree;
            _capacity = larger;
            Rebuild();
        }

        pageHeapLock.Exit();
        return true;
    }

    /// <summary>Adds an arena, the youngest; there must be room.</summary>
    public void Add(ArenaPages* arena)
    {
        int place = Count;
        while (place > 0 && _arenas[_byAddress[place - 1]]->Base > arena->Base)
        {
            _byAddress[place] = _byAddress[place - 1];
            place--;
        }

        _byAddress[place] = Count;
        _arenas[Count] = arena;
        Count++;
        Update(Count - 1);
    }

    /// <summary>The arena with the lowest address, the one after it, and so on.</summary>
    public int AtAddressOrder(int place) => _byAddress[place];

    /// <summary>Takes note that an arena has a free run of such a length now; it may have had longer ones.</summary>
    public void NoteRun(int index, int pages)
    {
        for (int node = _capacity + index; node > 0 && _tree[node] < pages; node >>= 1)
        {
            _tree[node] = pages;
        }
    }

    /// <summary>Takes note that an arena's longest free run became shorter.</summary>
    public void Update(int index)
    {
        int node = _capacity + index;
        int longest = _arenas[index]->LongestRun();
        while (node > 0 && _tree[node] != longest)
        {
            _tree[node] = longest;
            longest = Math.Max(longest, _tree[node ^ 1]);
            node >>= 1;
        }
    }

    /// <summary>The oldest arena at or after <paramref name="from"/> with a free run of so many pages; -1 when there is none.</summary>
    public int FirstWithRun(int pages, int from)
    {
        if (from >= Count)
        {
            return -1;
        }

        // Up while the subtree to the right of the path cannot serve, then down to its leftmost leaf that can.
        int node = _capacity + from;
        while (_tree[node] < pages)
        {
            while ((node & 1) != 0)
            {
                node >>= 1;
            }

            if (node == 0)
            {
                return -1;
            }

            node++;
        }

        while (node < _capacity)
        {
            node *= 2;
            if (_tree[node] < pages)
            {
                node++;
            }
        }

        return node - _capacity;
    }

    /// <summary>The arena that holds an address; -1 when none does.</summary>
    public int IndexOf(nint address)
    {
        int low = 0;
        int high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int index = _byAddress[middle];
            ArenaPages* arena = _arenas[index];
            if (address < arena->Base)
            {
                high = middle - 1;
            }
            else if (address >= arena->End)
            {
                low = middle + 1;
            }
            else
            {
                return index;
            }
        }

        return -1;
    }

    private void Rebuild()
    {
        for (int i = 0; i < _capacity; i++)
        {
            _tree[_capacity + i] = i < Count ? _arenas[i]->LongestRun() : 0;
        }

        for (int node = _capacity - 1; node > 0; node--)
        {
            _tree[node] = Math.Max(_tree[2 * node], _tree[(2 * node) + 1]);
        }
    }
}
