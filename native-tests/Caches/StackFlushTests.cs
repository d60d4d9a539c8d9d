using SpanHeap.Caches;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>What happens to a stack that is full, and to blocks that are parked below its base.</summary>
[Unguarded("a guarded block lies on no stack")]
public sealed unsafe class StackFlushTests : IDisposable
{
    private const int Size = 2048;
    private static readonly uint s_class = SizeClasses.OfShared(Size);
    private static readonly int s_most = SizeClasses.Info(s_class).MaxParked;

    private readonly NativeHeap _heap = StressHeap.Still();

    private ThreadCache* Cache => StressHeap.CacheOf(_heap);

    private ClassStack* Stack => ThreadCache.Stack(Cache, s_class);

    private ClassBin* Bin => ThreadCache.Bin(Cache, s_class);

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void A_stack_that_is_full_once_keeps_half_of_its_blocks_at_hand()
    {
        nint[] blocks = StressHeap.AllocateMany(_heap, 3 * s_most, Size);
        FreeUntilFull(blocks);

        Assert.InRange(Stack->Count - 1, (s_most / 2) - 1, (s_most / 2) + 1);
        Assert.Equal((s_most, Bin->DepotBlocks), (Stack->Count - 1 + Stack->Parked, Stack->Parked));
        Assert.True(Stack->Top < Stack->Limit);
        _heap.Verify();
    }

    [Fact]
    public void Blocks_that_are_allocated_after_the_stack_is_empty_are_those_that_were_parked()
    {
        nint[] blocks = StressHeap.AllocateMany(_heap, 3 * s_most, Size);
        int atHand = Stack->Count;
        int freed = FreeUntilFull(blocks);

        HashSet<nint> allocated = [.. StressHeap.AllocateMany(_heap, freed + atHand, Size)];

        Assert.Subset(allocated, blocks[..freed].ToHashSet());
        Assert.Equal((0, 0, 0), (Stack->Count, Stack->Parked, Bin->DepotBlocks));
        _heap.Verify();
    }

    [Fact]
    public void A_program_that_has_once_allocated_a_batch_frees_and_allocates_it_on_the_fast_path()
    {
        nint[] batch = StressHeap.AllocateMany(_heap, 100, 64);
        StressHeap.FreeAll(_heap, batch);
        batch = StressHeap.AllocateMany(_heap, 100, 64);
        ClassBin* bin = ThreadCache.Bin(Cache, SizeClasses.OfShared(64));
        bin->UsedAt = uint.MaxValue;

        for (int round = 0; round < 10; round++)
        {
            StressHeap.FreeAll(_heap, batch);
            batch = StressHeap.AllocateMany(_heap, 100, 64);
        }

        // Each slow path of the class writes the time.
        Assert.Equal(uint.MaxValue, bin->UsedAt);
        StressHeap.FreeAll(_heap, batch);
    }

    [Fact]
    public void A_stack_takes_back_enough_for_more_than_the_next_allocation()
    {
        nint[] blocks = StressHeap.AllocateMany(_heap, 3 * s_most, Size);
        FreeUntilFull(blocks);
        StressHeap.AllocateMany(_heap, Stack->Count, Size);
        int parked = Stack->Parked;
        Assert.True(parked > 2);

        _heap.Alloc(Size);

        Assert.InRange(Stack->Count, 1, parked - 1);
        _heap.Verify();
    }

    [Fact]
    public void A_depot_at_its_bound_gives_back_its_oldest_part_and_keeps_the_rest()
    {
        const int Large = 8192;
        uint sizeClass = SizeClasses.OfShared(Large);
        nint[] blocks = StressHeap.AllocateMany(_heap, 800, Large);
        ClassBin* bin = ThreadCache.Bin(Cache, sizeClass);
        int least = int.MaxValue;
        for (int i = 0; i < 600; i++)
        {
            _heap.Free((void*)blocks[i]);
            Assert.InRange(Cache->DepotBytes, 0, 2 << 20);
            least = i < 400 ? int.MaxValue : Math.Min(least, bin->DepotBlocks);
        }

        // Of 256 that the bound allows.
        Assert.InRange(least, 128, 256);
        _heap.Verify();
    }

    [Fact]
    public void Parked_blocks_are_drained_without_their_thread_and_their_places_are_used_again()
    {
        nint[] blocks = StressHeap.AllocateMany(_heap, 6 * s_most, Size);
        int freed = FreeUntilFull(blocks);
        int atHand = Stack->Count;
        Assert.True(Stack->Parked > 0);

        Drain();

        Assert.Equal((atHand, 0, 0), (Stack->Count, Stack->Parked, Bin->DepotBlocks));
        Assert.True(Stack->Floor > 0);
        _heap.Verify();
        for (int i = freed; i < blocks.Length; i++)
        {
            _heap.Free((void*)blocks[i]);
        }

        _heap.Verify();
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Parked_blocks_of_a_span_that_has_another_owner_find_their_way_to_it()
    {
        // In an order in which each span has blocks among the first that are freed and among those that stay.
        nint[] blocks = StressHeap.AllocateMany(_heap, 3 * s_most, Size);
        blocks = [.. Enumerable.Range(0, 3).SelectMany(part => blocks.Where((_, i) => i % 3 == part))];
        int freed = FreeUntilFull(blocks);
        nint oldest = *Stack->Oldest;
        nint neighbor = blocks[freed..].First(block => SpanOf(block) == SpanOf(oldest));

        // The span now has a free slot, and is the first in the list.
        new SpanReturn(_heap.Core.Spans, _heap.Core.Misuse, new NotedCaches()).ReturnOne(neighbor);
        Cache->Lock.Enter();
        _heap.Core.Central->Lock.Enter();
        SpanTransfer.MoveFirst(Cache, _heap.Core.Central, s_class);
        _heap.Core.Central->Lock.Exit();
        Cache->Lock.Exit();
        Assert.True(SpanReturn.OwnerOf(oldest) == _heap.Core.Central);

        Drain();

        Assert.Equal((0, 0), (Stack->Parked, Bin->DepotBlocks));
        StressHeap.FreeAll(_heap, blocks[freed..].Where(block => block != neighbor));
        Drain();
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
        _heap.Verify();
    }

    // Frees blocks from the first on until some are parked. Returns how many.
    private int FreeUntilFull(nint[] blocks)
    {
        int freed = 0;
        while (Stack->Parked == 0)
        {
            _heap.Free((void*)blocks[freed++]);
        }

        return freed;
    }

    private void Drain() => _heap.Core.Caches.DrainBins(Cache, idleOnly: false);

    private static nint SpanOf(nint block) => (nint)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block));
}
