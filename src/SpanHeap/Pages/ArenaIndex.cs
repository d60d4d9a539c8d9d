using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// The arenas of a page heap by age, with a tree over the longest free run of each: the oldest arena that can serve a request is found in
/// a few steps, however many there are.
/// </summary>
/// <remarks>
/// <para>
/// The oldest first, not the lowest: an arena that was needed for a moment empties again and goes back to the system. (Systems give new
/// mappings falling addresses: the lowest is the newest, and took everything from then on, beside what the old ones kept.)
/// </para>
/// <para>
/// For each alignment that the program has asked for there is a tree of its own, over the longest run that an arena may have from a
/// multiple of it. Those are upper bounds: taking pages leaves them, a free run that comes about raises them, a search that fails makes
/// them exact. So each search in an arena that is in vain is paid for by pages that were taken there.
/// </para>
/// <para>Guarded by the page heap's lock, but for <see cref="EnsureRoom"/>, which asks the system for memory and takes it itself.</para>
/// </remarks>
internal sealed unsafe class ArenaIndex(MetadataAllocator metadata)
{
    private const int InitialCapacity = 16;

    // One for each alignment in pages, 2^0 to 2^12: one of half an arena or more has no run.
    private const int Trees = 13;

    private ArenaPages** _arenas;
    private int _capacity;

    // The arenas' numbers in address order.
    private int* _byAddress;

    // First the tree over the longest runs, which is exact.
    private int* _trees;

    // A bit for each alignment whose tree is kept.
    private uint _alignments;

    public int Count { get; private set; }

    /// <summary>The longest free run of an arena as the tree has it.</summary>
    public int LongestRun(int index) => Runs[index];

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
        NoteRun(Count - 1, 0, arena->LongestRun());
    }

    /// <summary>The arena with the lowest address, the one after it, and so on.</summary>
    public int AtAddressOrder(int place) => _byAddress[place];

    /// <summary>The place, in address order, of the first arena that ends after an address; <see cref="Count"/> when there is none.</summary>
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

    /// <summary>Takes note that the pages [start, start + pages) of an arena are a free run now; it may have had longer ones.</summary>
    public void NoteRun(int index, int start, int pages)
    {
        Runs.Raise(index, pages);
        for (uint used = _alignments; used != 0; used &= used - 1)
        {
            int shift = BitOperations.TrailingZeroCount(used);
            int aligned = (start + (1 << shift) - 1) & -(1 << shift);
            Tree(shift).Raise(index, start + pages - aligned);
        }
    }

    /// <summary>Takes note that an arena's longest free run became shorter.</summary>
    public void Update(int index) => Runs.Set(index, _arenas[index]->LongestRun());

    /// <summary>Takes note that an arena has no free run of so many pages that begins at a multiple of 2^<paramref name="shift"/>.</summary>
    public void NoteMiss(int index, int shift, int pages)
    {
        if (shift != 0)
        {
            Tree(shift).Set(index, pages - 1);
        }
    }

    /// <summary>
    /// The oldest arena at or after <paramref name="from"/> with a free run of so many pages, or that may have one that begins at a
    /// multiple of 2^<paramref name="shift"/> pages; -1 when there is none.
    /// </summary>
    public int FirstWithRun(int pages, int shift, int from)
    {
        if (from >= Count)
        {
            return -1;
        }

        if (shift != 0 && (_alignments >> shift & 1) == 0)
        {
            // Once for each alignment that the program has: from now on frees are noted for it.
            _alignments |= 1u << shift;
            Tree(shift).CopyFrom(Runs, Count);
        }

        return Tree(shift).First(pages, from);
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

    private RunTree Runs => Tree(0);

    private RunTree Tree(int shift) => new(_trees + (shift * 2 * _capacity), _capacity);
}
