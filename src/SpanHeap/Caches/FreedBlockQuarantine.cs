using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Heaps with full checks: freed blocks, full of poison, on their way from the program to the next allocation that gets them. They leave in
/// the order in which they came, but for a random share, and are checked for writes as they do: a pointer that is kept too long has all that
/// time to give itself away, and nobody can tell when an address serves again.
/// </summary>
/// <remarks>
/// Thread safe without a lock. A ring of places; a free takes the next ticket, and its block displaces what has its place since a round ago.
/// Every change of a place is one exchange, so that a block is in one place at a time and one thread takes it out. A block counts before it
/// has its place, so that bytes are never too low. Needs memory once, for the ring; without it blocks pass by.
/// </remarks>
internal sealed unsafe class FreedBlockQuarantine(MetadataAllocator metadata, MisuseLog misuse, nuint budgetBytes, int capacity, ulong seed)
{
    // A block that takes more than this share of the budget would turn too many others out.
    private const int LargestShare = 16;

    // One in so many that are due changes places with another that is not: see Swap.
    private const int SwapRate = 4;

    // Arenas lie below, as their map says; above is room for a block's size class.
    private const int ClassShift = 48;

    // Null before the first block comes. Written once, by compare-exchange.
    private nint _places;

    // Tickets given out, and those whose blocks have left for want of budget. Interlocked; the second never passes the first.
    private long _head;
    private long _tail;

    // A round's alone.
    private long _headAtLastRound;

    // Of the blocks here, and of those about to be. Interlocked.
    private long _bytes;

    // A heap with a limit keeps back an eighth of it at most, and has a sixty-fourth for the ring.
    private const int ShareOfLimit = 8;
    private const int RingShareOfLimit = 64;

    /// <summary>That of a heap with such options; null when it has none.</summary>
    public static FreedBlockQuarantine? For(NativeHeapOptions options, MetadataAllocator metadata, MisuseLog misuse, ulong seed)
    {
        nuint limit = options.MemoryLimit != 0 ? options.MemoryLimit : nuint.MaxValue;
        nuint bytes = Math.Min(options.QuarantineBytes, limit / ShareOfLimit);
        int blocks = (int)Math.Min((nuint)options.QuarantineBlocks, limit / (RingShareOfLimit * sizeof(long)));
        return options.Checks == HeapChecks.Full && bytes > 0 && blocks > 0 ? new FreedBlockQuarantine(metadata, misuse, bytes, blocks, seed) : null;
    }

    /// <summary>Bytes of the blocks that are kept back.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Keeps a freed block back.</summary>
    /// <param name="block">A block that nobody has, of whatever owner.</param>
    /// <param name="sizeClass">Its class.</param>
    /// <param name="leaving">A block that must go for it; 0 for none.</param>
    /// <returns>False when it passes by, unchanged: it is too large, or there is no memory for the ring.</returns>
    public bool TryAdd(nint block, uint sizeClass, out nint leaving)
    {
        leaving = 0;
        nuint size = SizeClasses.Info(sizeClass).Size;
        if (sizeClass == SizeClasses.None || size > budgetBytes / LargestShare || !EnsurePlaces())
        {
            return false;
        }

        if (SizeClasses.IsOwnSpan(sizeClass))
        {
            // Small ones are poisoned wherever they lie.
            FreePoison.Fill(block, size);
        }

        Interlocked.Add(ref _bytes, (long)size);
        long ticket = Interlocked.Increment(ref _head) - 1;
        long displaced = Exchange(ticket, block | ((long)sizeClass << ClassShift));
        leaving = displaced != 0 ? Leave(Swap(displaced, Math.Max(Volatile.Read(ref _tail), ticket - capacity + 1), ticket)) : 0;
        return true;
    }

    /// <summary>A block for which the budget has no room any more; 0 for none.</summary>
    public nint TakeOverdue()
    {
        nint leaving = 0;
        while (leaving == 0 && (nuint)Bytes > budgetBytes && TryTakeTail(out long ticket))
        {
            long word = Exchange(ticket, 0);
            leaving = word != 0 ? Leave(Swap(word, ticket + 1, Volatile.Read(ref _head) - 1)) : 0;
        }

        return leaving;
    }

    /// <summary>Empties the quarantine, place by place: a block that was in it, or 0 when the places from this one on are empty.</summary>
    public nint TakeNext(ref int place)
    {
        nint leaving = 0;
        int end = Volatile.Read(ref _places) != 0 && (place > 0 || Bytes > 0) ? capacity : 0;
        while (leaving == 0 && place < end)
        {
            leaving = Volatile.Read(ref *Place(place)) != 0 ? Leave(Exchange(place, 0)) : 0;
            place++;
        }

        return leaving;
    }

    /// <summary>Whether no block came since this was asked last. For the heap's rounds alone.</summary>
    public bool IsIdle()
    {
        long head = Volatile.Read(ref _head);
        bool idle = head == _headAtLastRound;
        _headAtLastRound = head;
        return idle;
    }

    /// <summary>Counts the blocks by class. Others may come and go meanwhile.</summary>
    public void Count(long[] byClass)
    {
        for (int place = 0; place < capacity && Volatile.Read(ref _places) != 0; place++)
        {
            long word = Volatile.Read(ref *Place(place));
            byClass[ClassOf(word)] += word != 0 ? 1 : 0;
        }
    }

    /// <summary>Visits each block. Exact while nobody uses the heap.</summary>
    public void Visit(Action<nint> visit)
    {
        for (int place = 0; place < capacity && _places != 0; place++)
        {
            if (*Place(place) != 0)
            {
                visit(BlockOf(*Place(place)));
            }
        }
    }

    /// <summary>Whether the bytes of the blocks are what is counted. While nobody uses the heap.</summary>
    public bool IsSound()
    {
        long[] byClass = new long[SizeClasses.Capacity];
        Count(byClass);
        long bytes = 0;
        for (uint sizeClass = 0; sizeClass < (uint)byClass.Length; sizeClass++)
        {
            bytes += byClass[sizeClass] != 0 ? byClass[sizeClass] * SizeClasses.Info(sizeClass).Size : 0;
        }

        return bytes == Bytes;
    }

    /// <summary>A block that was written to; 0 for none. While nobody uses the heap.</summary>
    public nint FindDamaged()
    {
        for (int place = 0; place < capacity && _places != 0; place++)
        {
            long word = *Place(place);
            if (word != 0 && FreePoison.FindDamage(BlockOf(word), SizeOf(word)) != 0)
            {
                return BlockOf(word);
            }
        }

        return 0;
    }

    // One of the oldest half may go in the place of the one that is due, which takes its place. So each has at least half a round, and
    // none a time that could be counted on.
    private long Swap(long due, long oldest, long newest)
    {
        ulong drawn = Mix(seed + (ulong)newest);
        long older = (newest - oldest) / 2;
        if (drawn % SwapRate != 0 || older <= 0)
        {
            return due;
        }

        return Exchange(oldest + (long)(drawn / SwapRate % (ulong)older), due);
    }

    // Nobody else has the block; 0 is none.
    private nint Leave(long word)
    {
        if (word == 0)
        {
            return 0;
        }

        nint block = BlockOf(word);
        nuint size = SizeOf(word);
        Interlocked.Add(ref _bytes, -(long)size);
        if (FreePoison.FindDamage(block, size) != 0)
        {
            // Told once: whoever gets the block finds it as it should be.
            misuse.Record(block, MisuseKind.WriteAfterFree);
            FreePoison.Fill(block, size);
        }

        return block;
    }

    // The oldest ticket that has not been taken for the budget, nor displaced.
    private bool TryTakeTail(out long ticket)
    {
        while (true)
        {
            long tail = Volatile.Read(ref _tail);
            long head = Volatile.Read(ref _head);
            ticket = Math.Max(tail, head - capacity);
            if (ticket >= head)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _tail, ticket + 1, tail) == tail)
            {
                return true;
            }
        }
    }

    private bool EnsurePlaces()
    {
        if (Volatile.Read(ref _places) != 0)
        {
            return true;
        }

        // Two threads may both have memory at the start; the heap keeps the one that lost, unused.
        void* places = metadata.Allocate((nuint)capacity * sizeof(long));
        return places != null && (Interlocked.CompareExchange(ref _places, (nint)places, 0) == 0 || _places != 0);
    }

    private long Exchange(long ticket, long word) => Interlocked.Exchange(ref *Place((int)(ticket % capacity)), word);

    private long* Place(int place) => (long*)Volatile.Read(ref _places) + place;

    private static nint BlockOf(long word) => (nint)(word & ((1L << ClassShift) - 1));

    private static uint ClassOf(long word) => (uint)((ulong)word >> ClassShift);

    private static nuint SizeOf(long word) => SizeClasses.Info(ClassOf(word)).Size;

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }
}
