using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// A box a thread, in which others put arrays of blocks to be freed. The arrays are blocks of the measured allocator too, as
/// programs would have it: the next in the box, the count, the blocks. Pushed by compare-exchange, all taken by one exchange.
/// </summary>
internal sealed unsafe class ParcelBoxes(int count)
{
    // A thread that was not scheduled for a while must not find the memory of all others in its box.
    private const int MaxParcels = 64;

    private const int Header = 2;

    // Words between boxes: two cache lines, for the prefetcher fetches pairs. The first lies so far from the array's length, too.
    private const int Stride = 16;

    private readonly nuint[] _heads = new nuint[(count + 1) * Stride];
    private readonly long[] _parcels = new long[(count + 1) * Stride];

    /// <summary>Puts the blocks into a box; false if it is full.</summary>
    public bool TryPost<T>(T allocator, int box, ReadOnlySpan<MarkedBlock> blocks) where T : struct, IAllocator<T>, allows ref struct
    {
        if (Volatile.Read(ref _parcels[At(box)]) >= MaxParcels)
        {
            return false;
        }

        Interlocked.Increment(ref _parcels[At(box)]);

        nuint* parcel = (nuint*)allocator.Alloc((nuint)((Header + blocks.Length) * sizeof(nuint)));
        parcel[1] = (nuint)blocks.Length;
        blocks.CopyTo(new Span<MarkedBlock>(parcel + Header, blocks.Length));
        ref nuint head = ref _heads[At(box)];
        nuint next;
        do
        {
            next = Volatile.Read(ref head);
            parcel[0] = next;
        }
        while (Interlocked.CompareExchange(ref head, (nuint)parcel, next) != next);
        return true;
    }

    /// <summary>Frees all blocks in a box and the arrays they came in; gives how many held something wrong.</summary>
    public long FreeAll<T>(T allocator, int box) where T : struct, IAllocator<T>, allows ref struct
    {
        // A look first: most often there is nothing, and an exchange takes the cache line from the thread that posts.
        if (Volatile.Read(ref _heads[At(box)]) == 0)
        {
            return 0;
        }

        long wrong = 0;
        int taken = 0;
        nuint* parcel = (nuint*)Interlocked.Exchange(ref _heads[At(box)], 0);
        for (; parcel != null; taken++)
        {
            foreach (MarkedBlock block in new ReadOnlySpan<MarkedBlock>(parcel + Header, (int)parcel[1]))
            {
                wrong += block.Wrong;
                allocator.Free(block.Address);
            }

            nuint* next = (nuint*)parcel[0];
            allocator.Free(parcel);
            parcel = next;
        }

        Interlocked.Add(ref _parcels[At(box)], -taken);
        return wrong;
    }

    private static int At(int box) => (box + 1) * Stride;
}
