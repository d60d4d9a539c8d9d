using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// Lists the arenas of a page heap by age, with a tree over the longest free run of each, so that the oldest arena that can serve a request is found
/// in a few steps, however many there are.
/// </summary>
/// <remarks>
/// <para>
/// The search takes the oldest arena first, not the lowest, so that an arena that was needed for a moment becomes empty again and goes back to the
/// system. (Systems give new mappings falling addresses. So the lowest arena is the newest; it would serve everything from then on, while the old
/// ones keep what they have.)
/// </para>
/// <para>
/// Each alignment that the program has requested has a tree of its own, over the longest run that an arena may have from a multiple of the
/// alignment. Its numbers are upper bounds: taking pages leaves them as they are, a new free run raises them, and a search that fails makes them
/// exact. So each failed search of an arena is paid for by pages that were taken there.
/// </para>
/// <para>
/// Guarded by the page heap's lock. Only <see cref="EnsureRoom"/> takes the lock itself, because it asks the system for memory.
/// </para>
/// </remarks>
internal sealed unsafe class ArenaIndex(MetadataAllocator metadata)
{
    private const int InitialCapacity = 16;

    // One tree for each alignment in pages, 2^0 to 2^12: an arena has no run with an alignment of half an arena or more.
    private const int Trees = 13;

    private ArenaPages** _arenas;
    private int _capacity;

    // The arenas' numbers in address order.
    private int* _byAddress;

    // The first tree, over the longest runs, is exact.
    private int* _trees;

    // One bit for each alignment whose tree is kept.
    private uint _alignments;

    public int Count { get; private set; }

    /// <summary>Gets the length of an arena's longest free run from the tree.</summary>
    public int LongestRun(int index) => Runs[index];

    public ArenaPages* this[int index]
    {
        get
        {
            Invariant.Assert((uint)index < (uint)Count, "An arena that is asked for is in the index.");
            return _arenas[index];
        }
    }

    /// <summary>Makes room for one more arena; false when there is no memory. The caller must not hold the lock.</summary>
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

        // The old arrays are not freed. Because sizes double, they are smaller in total than the new ones.
        int larger = Math.Max(InitialCapacity, capacity * 2);
        ArenaPages** arenas = (ArenaPages**)metadata.Allocate((nuint)(larger * (sizeof(ArenaPages*) + ((1 + (2 * Trees)) * sizeof(int)))));
        if (arenas == null)
        {
            return false;
        }

        int* byAddress = (int*)(arenas + larger);
        int* trees = byAddress + larger;

        pageHeapLock.Enter();
        if (_capacity < larger)
        {
            new Span<nint>(_arenas, Count).CopyTo(new Span<nint>(arenas, larger));
            new Span<int>(_byAddress, Count).CopyTo(new Span<int>(byAddress, larger));
            for (int shift = 0; shift < Trees; shift++)
            {
                new RunTree(trees + (shift * 2 * larger), larger).CopyFrom(Tree(shift), Count);
            }

            _arenas = arenas;
            _byAddress = byAddress;
            _trees = trees;
            _capacity = larger;
        }

        pageHeapLock.Exit();
        return true;
    }

    /// <summary>Adds an arena as the youngest. There must be room for it.</summary>
    public void Add(ArenaPages* arena)
    {
        Invariant.Assert(Count < _capacity, "There is room for the arena.");
        int place = Count;
        while (place > 0 && _arenas[_byAddress[place - 1]]->Base > arena->Base)
        {
            _byAddress[place] = _byAddress[place - 1];
            place--;
        }

        Invariant.Assert(place == 0 || _arenas[_byAddress[place - 1]]->End <= arena->Base, "An arena begins after the one below it.");
        Invariant.Assert(place == Count || arena->End <= _arenas[_byAddress[place + 1]]->Base, "An arena ends before the one above it.");
        _byAddress[place] = Count;
        _arenas[Count] = arena;
        Count++;
        NoteRun(Count - 1, 0, arena->LongestRun());
    }

    /// <summary>Gets the number of the arena at a position in address order, counted from the lowest address.</summary>
    public int AtAddressOrder(int place) => _byAddress[place];

    /// <summary>Gets the position, in address order, of the first arena that ends after an address; <see cref="Count"/> when there is none.</summary>
    public int PlaceFrom(nint address)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_arenas[_byAddress[middle]]->End <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Notes that the pages [start, start + pages) of an arena are a free run now. The arena may have longer ones.</summary>
    public void NoteRun(int index, int start, int pages)
    {
        Runs.Raise(index, pages);
        for (uint used = _alignments; used != 0; used &= used - 1)
        {
            int shift = BitOperations.TrailingZeroCount(used);
            int aligned = PageMath.AlignUp(start, 1 << shift);
            Tree(shift).Raise(index, start + pages - aligned);
        }
    }

    /// <summary>Notes that an arena's longest free run became shorter.</summary>
    public void Update(int index) => Runs.Set(index, _arenas[index]->LongestRun());

    /// <summary>Notes that an arena has no free run of the given number of pages that begins at a multiple of 2^<paramref name="shift"/>.</summary>
    public void NoteMiss(int index, int shift, int pages)
    {
        if (shift != 0)
        {
            Tree(shift).Set(index, pages - 1);
        }
    }

    /// <summary>
    /// Finds the oldest arena at or after <paramref name="from"/> that has a free run of the given number of pages or, for an alignment, may have one
    /// that begins at a multiple of 2^<paramref name="shift"/> pages. Returns -1 when there is none.
    /// </summary>
    public int FirstWithRun(int pages, int shift, int from)
    {
        if (from >= Count)
        {
            return -1;
        }

        if (shift != 0 && (_alignments >> shift & 1) == 0)
        {
            // Done once for each alignment that the program uses: from now on, frees are noted for it.
            _alignments |= 1u << shift;
            Tree(shift).CopyFrom(Runs, Count);
        }

        return Tree(shift).First(pages, from);
    }

    /// <summary>Gets the number of the arena that contains an address; -1 when none does.</summary>
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

    private RunTree Runs => Tree(0);

    private RunTree Tree(int shift)
    {
        Invariant.Assert((uint)shift < Trees, "An arena has no run with an alignment of half an arena or more.");
        return new RunTree(_trees + (shift * 2 * _capacity), _capacity);
    }
}
