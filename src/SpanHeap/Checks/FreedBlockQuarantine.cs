using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Checks;

/// <summary>
/// In heaps with full checks, holds freed blocks, full of poison, on their way from the program to the next allocation that gets them. Blocks leave
/// in the order in which they came, except for a random share, and are checked for writes when they leave. So a stale pointer has all that time to
/// give itself away, and the program cannot tell when an address is reused.
/// </summary>
/// <remarks>
/// Thread safe without a lock. The blocks are in a ring of places. A free takes the next ticket, and its block displaces the one that has held the
/// place for a round. Every change of a place is one exchange, so a block is in one place at a time and only one thread takes it out. A block is
/// counted before it gets its place, so the number of bytes is never too low. The ring needs memory once; without it, blocks are not held back.
/// </remarks>
internal sealed unsafe partial class FreedBlockQuarantine(MetadataAllocator metadata, MisuseLog misuse, nuint budgetBytes, int capacity, ulong seed)
{
    // A block that takes more than this share of the budget would push out too many others.
    private const int LargestShare = 16;

    // One in this many blocks that are due changes places with one that is not; see Swap.
    private const int SwapRate = 4;

    // Arenas lie below this bit, as their map says. The bits above hold the size class of the block.
    private const int ClassShift = 48;

    // Null before the first block arrives. Written once, by compare-exchange.
    private nint _places;

    // The number of tickets given out, and the number of those whose blocks have left for lack of budget. Interlocked; the second never passes the
    // first.
    private long _head;
    private long _tail;

    // Used by the maintenance round only.
    private long _headAtLastRound;

    // The bytes of the blocks that are here or about to be. Interlocked.
    private long _bytes;

    // A heap with a limit holds back an eighth of it at most, and spends at most a sixty-fourth on the ring.
    private const int ShareOfLimit = 8;
    private const int RingShareOfLimit = 64;

    /// <summary>Creates the quarantine for a heap with these options; null when the options ask for none.</summary>
    public static FreedBlockQuarantine? For(NativeHeapOptions options, MetadataAllocator metadata, MisuseLog misuse, ulong seed)
    {
        nuint limit = options.MemoryLimit != 0 ? options.MemoryLimit : nuint.MaxValue;
        nuint bytes = Math.Min(options.QuarantineBytes, limit / ShareOfLimit);
        int blocks = (int)Math.Min((nuint)options.QuarantineBlocks, limit / (RingShareOfLimit * sizeof(long)));
        return options.Checks == HeapChecks.Full && bytes > 0 && blocks > 0 ? new FreedBlockQuarantine(metadata, misuse, bytes, blocks, seed) : null;
    }

    /// <summary>The number of bytes of the blocks that are held back.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Holds a freed block back.</summary>
    /// <param name="block">A block that no thread has, of any owner.</param>
    /// <param name="sizeClass">The class of the block.</param>
    /// <param name="leaving">A block that must leave to make room; 0 for none.</param>
    /// <returns>False, with the block unchanged, when it is not held back: it is too large, or there is no memory for the ring.</returns>
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
            // Small blocks are poisoned wherever they lie.
            FreePoison.Fill(block, size);
        }

        Interlocked.Add(ref _bytes, (long)size);
        long ticket = Interlocked.Increment(ref _head) - 1;
        InterleavingPoints.At(InterleavingPoint.TicketTaken);
        long displaced = Exchange(ticket, block | ((long)sizeClass << ClassShift));
        InterleavingPoints.AtIf(displaced != 0, InterleavingPoint.BlockDisplaced);
        leaving = displaced != 0 ? Leave(Swap(displaced, Math.Max(Volatile.Read(ref _tail), ticket - capacity + 1), ticket)) : 0;
        return true;
    }

    /// <summary>Takes a block for which the budget no longer has room; 0 for none.</summary>
    public nint TakeOverdue()
    {
        nint leaving = 0;
        while (leaving == 0 && (nuint)Bytes > budgetBytes && TryTakeTail(out long ticket))
        {
            InterleavingPoints.At(InterleavingPoint.PlaceEmptying);
            long word = Exchange(ticket, 0);
            InterleavingPoints.AtIf(word != 0, InterleavingPoint.BlockDisplaced);
            leaving = word != 0 ? Leave(Swap(word, ticket + 1, Volatile.Read(ref _head) - 1)) : 0;
        }

        return leaving;
    }

    /// <summary>
    /// Empties the quarantine place by place. Returns a block that was in it, or 0 when all places from the given one on are empty.
    /// </summary>
    public nint TakeNext(ref int place)
    {
        nint leaving = 0;
        int end = Volatile.Read(ref _places) != 0 && (place > 0 || Bytes > 0) ? capacity : 0;
        while (leaving == 0 && place < end)
        {
            bool isTaken = Volatile.Read(ref *Place(place)) != 0;
            InterleavingPoints.AtIf(isTaken, InterleavingPoint.PlaceEmptying);
            leaving = isTaken ? Leave(Exchange(place, 0)) : 0;
            place++;
        }

        return leaving;
    }

    /// <summary>Determines whether no block has arrived since the last call. For the heap's maintenance rounds only.</summary>
    public bool IsIdle()
    {
        long head = Volatile.Read(ref _head);
        bool idle = head == _headAtLastRound;
        _headAtLastRound = head;
        return idle;
    }

    /// <summary>Counts the blocks by class. Blocks may come and go meanwhile.</summary>
    public void Count(Span<long> byClass)
    {
        for (int place = 0; place < capacity && Volatile.Read(ref _places) != 0; place++)
        {
            long word = Volatile.Read(ref *Place(place));
            byClass[(int)ClassOf(word)] += word != 0 ? 1 : 0;
        }
    }

    /// <summary>Visits each block. Exact while no thread uses the heap.</summary>
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

    /// <summary>Determines whether the counted bytes are those of the blocks. Call while no thread uses the heap.</summary>
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

    /// <summary>Finds a block that was written to; 0 for none. Call while no thread uses the heap.</summary>
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

    // One of the oldest half may leave instead of the block that is due, which then takes its place. So each block stays for at least half a round,
    // and for a time that no program can rely on.
    private long Swap(long due, long oldest, long newest)
    {
        ulong drawn = RandomBits.Mix(seed + (ulong)newest);
        long older = (newest - oldest) / 2;
        if (drawn % SwapRate != 0 || older <= 0)
        {
            return due;
        }

        return Exchange(oldest + (long)(drawn / SwapRate % (ulong)older), due);
    }

    // No other thread has the block; 0 for none.
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
            // Reported once: whichever allocation gets the block finds it as it should be.
            misuse.Record(block, MisuseKind.WriteAfterFree);
            FreePoison.Fill(block, size);
        }

        return block;
    }

    // Takes the oldest ticket that was neither taken for lack of budget nor displaced.
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

        // Two threads may both allocate memory at the start. The heap keeps the memory of the one that lost, unused.
        void* places = metadata.Allocate((nuint)capacity * sizeof(long));
        return places != null && (Interlocked.CompareExchange(ref _places, (nint)places, 0) == 0 || _places != 0);
    }

    private long Exchange(long ticket, long word) => Interlocked.Exchange(ref *Place((int)(ticket % capacity)), word);

    private long* Place(int place) => (long*)Volatile.Read(ref _places) + place;

    private static nint BlockOf(long word) => (nint)(word & ((1L << ClassShift) - 1));

    private static uint ClassOf(long word) => (uint)((ulong)word >> ClassShift);

    private static nuint SizeOf(long word) => SizeClasses.Info(ClassOf(word)).Size;
}
