using SpanHeap.Tests.Face.BadInput;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>What a shrinking Realloc gives back, and that small steps up and down cost nothing.</summary>
[Unguarded("guarded blocks never shrink in place")]
public sealed unsafe class ShrinkTests
{
    private const nuint KiB = 1024;
    private const nuint MiB = 1024 * KiB;

    [Theory]
    [InlineData(64 * 1024, 33 * 1024)]
    [InlineData(64 * 1024, 30 * 1024)]
    [InlineData(1024 * 1024, 512 * 1024)]
    [InlineData(1024 * 1024, 800 * 1024)]
    [InlineData(3 * 1024 * 1024, 2 * 1024 * 1024)]
    [InlineData(32 * 1024 * 1024, 16 * 1024 * 1024)]
    [InlineData(32 * 1024 * 1024, 13 * 1024 * 1024)]
    [InlineData(32 * 1024 * 1024, 27 * 1024 * 1024)]
    public void The_end_of_a_large_block_goes_back_and_the_block_stays_where_it_is(int from, int to)
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc((nuint)from);
        block[to - 1] = 7;

        Assert.True(heap.Realloc(block, (nuint)to) == block);

        Assert.Equal(7, block[to - 1]);
        Assert.InRange(heap.UsableSize(block), (nuint)to, Math.Max((nuint)to * 9 / 8, 40 * KiB));
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal(statistics.PagesInUse * statistics.PageSize, (long)heap.UsableSize(block));
        heap.Verify();
        heap.Free(block);
        heap.Verify();
    }

    [Theory]
    [CombinedChecks(13 * 1024, 100 * 1024)]
    public void Full_checks_give_back_as_much_and_find_what_is_written_past_the_new_end(HeapChecks checks, int to)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        byte* block = (byte*)heap.Alloc(2 * MiB);
        block = (byte*)heap.Realloc(block, (nuint)to);
        HeapStatistics statistics = heap.GetStatistics();
        Assert.InRange(statistics.LiveBytes, to, (to * 5L / 4) + 8);
        if (checks == HeapChecks.Full)
        {
            block[to] ^= 1;
            Assert.Equal(MisuseKind.Overflow, Assert.Throws<HeapCorruptionException>(() => heap.Free(block)).Kind);
            block[to] ^= 1;
        }

        heap.Free(block);
        heap.Verify();
    }

    [Theory]
    [InlineData(128, 64)]
    [InlineData(128, 20)]
    [InlineData(100, 80)]
    public void The_end_of_a_huge_block_goes_back(int from, int to)
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc((nuint)from * MiB);
        block[0] = 1;
        block[((nuint)to * MiB) - 1] = 2;

        block = (byte*)heap.Realloc(block, (nuint)to * MiB);

        Assert.Equal((1, 2), (block[0], block[((nuint)to * MiB) - 1]));
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((to * (long)MiB, 0), (statistics.LiveBytes, statistics.PagesInUse));
        heap.Verify();
        heap.Free(block);
        heap.Verify();
    }

    [LinuxFact]
    public void The_end_of_a_huge_block_with_an_alignment_goes_back_where_it_is()
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.AlignedAlloc(128 * MiB, 32 * MiB);
        block[(80 * MiB) - 1] = 2;
        long discards = heap.GetStatistics().OsCalls.Discard;

        Assert.True(heap.AlignedRealloc(block, 80 * MiB, 32 * MiB) == block);

        Assert.Equal(2, block[(80 * MiB) - 1]);
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((80 * (long)MiB, discards + 1), (statistics.HugeBytes, statistics.OsCalls.Discard));
        heap.Verify();
    }

    [Fact]
    public void A_huge_block_that_the_system_refuses_to_cut_is_as_it_was()
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.AlignedAlloc(128 * MiB, 32 * MiB);
        block[(80 * MiB) - 1] = 2;
        heap.Core.Os.FailAfter(0);
        Assert.True(heap.AlignedRealloc(block, 80 * MiB, 32 * MiB) == block);
        heap.Core.Os.FailAfter(-1);
        Assert.Equal((2, 128 * MiB), (block[(80 * MiB) - 1], heap.UsableSize(block)));
        heap.Verify();
    }

    [Theory]
    [InlineData(100 * 1024)]
    [InlineData(1024 * 1024)]
    [InlineData(20 * 1024 * 1024)]
    [InlineData(100 * 1024 * 1024)]
    public void A_size_that_goes_up_and_down_by_a_sixteenth_neither_moves_the_block_nor_its_end(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Alloc((nuint)size);
        HeapStatistics before = heap.GetStatistics();
        for (int i = 0; i < 100; i++)
        {
            Assert.True(heap.Realloc(block, (nuint)(size - (size / 16))) == block);
            Assert.True(heap.Realloc(block, (nuint)size) == block);
        }

        HeapStatistics after = heap.GetStatistics();
        Assert.Equal((before.PagesInUse, before.HugeBytes, before.OsCalls.Total), (after.PagesInUse, after.HugeBytes, after.OsCalls.Total));
    }

    [Theory]
    [InlineData(256)]
    [InlineData(8 * 1024)]
    [InlineData(16 * 1024)]
    [InlineData(32 * 1024)]
    [InlineData(64 * 1024)]
    [InlineData(1024 * 1024)]
    public void A_size_that_goes_up_and_down_by_a_byte_moves_the_block_once(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Alloc((nuint)size);
        int moves = 0;
        for (int i = 0; i < 100; i++)
        {
            void* resized = heap.Realloc(block, (nuint)(size + ((i + 1) % 2)));
            moves += resized == block ? 0 : 1;
            block = resized;
        }

        Assert.InRange(moves, 0, 1);
    }

    [Fact]
    public void The_room_of_a_block_that_is_growing_is_not_taken_from_it()
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Alloc(500 * KiB);
        block = heap.Realloc(block, 520 * KiB);
        nuint room = heap.UsableSize(block);
        for (nuint size = 500 * KiB; size < 900 * KiB; size += 4 * KiB)
        {
            Assert.True(heap.Realloc(block, size) == block);
            Assert.Equal(room, heap.UsableSize(block));
        }
    }

    [Fact]
    public void A_block_that_grew_and_is_fitted_to_less_than_it_had_keeps_no_room()
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Realloc(heap.Alloc(500 * KiB), 520 * KiB);
        Assert.InRange(heap.UsableSize(block), 900 * KiB, 1100 * KiB);
        block = heap.Realloc(block, 400 * KiB);
        Assert.InRange(heap.UsableSize(block), 400 * KiB, 450 * KiB);
        heap.Verify();
    }

    [Theory]
    [InlineData(16 * 1024, 7 * 1024)]
    [InlineData(32 * 1024, 14 * 1024)]
    [InlineData(1000, 400)]
    public void A_block_of_a_shared_class_that_is_cut_to_less_than_half_moves_to_a_smaller_one(int from, int to)
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Realloc(heap.Alloc((nuint)from), (nuint)to);
        Assert.InRange(heap.UsableSize(block), (nuint)to, (nuint)to * 5 / 4);
    }

    [Fact]
    public void At_its_limit_a_heap_cuts_a_block_that_it_cannot_move()
    {
        using NativeHeap heap = HeapMaker.New(limit: 8 * MiB);
        byte* block = (byte*)heap.Alloc(MiB);
        block[19_999] = 5;
        for (bool full = false; !full;)
        {
            try
            {
                heap.Alloc(40 * KiB);
            }
            catch (OutOfMemoryException)
            {
                full = true;
            }
        }

        block = (byte*)heap.Realloc(block, 20_000);

        Assert.Equal(5, block[19_999]);
        Assert.InRange(heap.UsableSize(block), 20_000u, 40 * KiB);
        heap.Alloc(900 * KiB);
        heap.Verify();
    }
}
