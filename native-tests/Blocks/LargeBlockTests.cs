using SpanHeap.Caches;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Blocks;

/// <summary>Blocks that are spans of their own and stay warm for reuse.</summary>
[Unguarded("it is about spans of many blocks, or what caches keep")]
public sealed unsafe class LargeBlockTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(40_000)]
    [InlineData(64 * 1024)]
    [InlineData(MiB)]
    public void A_freed_large_block_is_kept_and_served_again(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        void* block = heap.Alloc((nuint)size);
        heap.Free(block);
        Assert.Contains(heap.GetStatistics().SizeClasses, c => c.CachedBlocks == 1 && c.BlockSize >= size);
        Assert.True(heap.Alloc((nuint)size) == block);
        heap.Verify();
    }

    [Fact]
    public void A_heap_that_has_no_small_blocks_keeps_its_large_ones()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(100_000));
        Assert.Equal(1, heap.GetStatistics().CachedBlocks);
    }

    [Theory]
    [InlineData(40_000)]
    [InlineData(64 * 1024)]
    [InlineData(MiB)]
    [InlineData(4 * MiB)]
    [InlineData(20 * MiB)]
    public void A_pair_in_a_loop_calls_the_system_no_more(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc((nuint)size));
        long calls = heap.GetStatistics().OsCalls.Total;
        for (int i = 0; i < 1000; i++)
        {
            heap.Free(heap.Alloc((nuint)size));
        }

        Assert.InRange(heap.GetStatistics().OsCalls.Total, calls, calls + 1);
    }

    [Fact]
    public void Several_are_kept_and_the_one_freed_last_is_served_first()
    {
        using NativeHeap heap = HeapMaker.New();
        nint[] blocks = [.. new[] { 40_000, 100_000, 40_000, 60_000 }.Select(size => (nint)heap.Alloc((nuint)size))];
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Assert.Equal(4, heap.GetStatistics().CachedBlocks);
        heap.Verify();
        Assert.True(heap.Alloc(40_000) == (void*)blocks[2]);
        Assert.True(heap.Alloc(100_000) == (void*)blocks[1]);
        Assert.True(heap.Alloc(40_000) == (void*)blocks[0]);
        Assert.True(heap.Alloc(60_000) == (void*)blocks[3]);
        heap.Verify();
    }

    [Fact]
    public void Those_kept_longest_make_room()
    {
        using NativeHeap heap = HeapMaker.New();
        nint[] blocks = [.. Enumerable.Range(0, 20).Select(_ => (nint)heap.Alloc(40_000))];
        int fitting = (int)(LargeCache.MaxBytes / heap.UsableSize((void*)blocks[0]));
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Assert.Equal(blocks.TakeLast(fitting).Order(), Kept(heap, 40_000, fitting).Order());
        heap.Verify();
    }

    [Fact]
    public void The_largest_that_is_kept_is_kept_alone()
    {
        using NativeHeap heap = HeapMaker.New();
        void* largest = heap.Alloc(MiB);
        void* small = heap.Alloc(40_000);
        heap.Free(small);
        heap.Free(largest);
        Assert.Equal(MiB, (int)heap.GetStatistics().CachedBytes);
        Assert.True(heap.Alloc(MiB) == largest);
        heap.Free(largest);
        heap.Free(heap.Alloc(40_000));
        Assert.True(heap.GetStatistics().CachedBytes < LargeCache.MaxBytes);
        heap.Verify();
    }

    [Theory]
    [InlineData(40_000)]
    [InlineData(MiB)]
    public void A_kept_block_that_is_freed_again_is_found_and_never_served_twice(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Alloc((nuint)size);
        heap.Free(block);
        heap.Free(block);
        Assert.Equal(1, heap.GetStatistics().MisuseCount);
        Assert.True(heap.Alloc((nuint)size) == block);
        Assert.True(heap.Alloc((nuint)size) != block);
        heap.Verify();
    }

    [Fact]
    public void No_more_is_kept_than_a_bound()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        nint[] blocks = [.. Enumerable.Range(1, 60).Select(i => (nint)heap.Alloc((nuint)(i * 60_000)))];
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Assert.InRange(heap.GetStatistics().CachedBytes, 1, 5 * MiB);
        heap.Verify();
    }

    [Fact]
    public void A_kept_block_that_is_asked_for_zeroed_is_zero()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        byte* block = (byte*)heap.Alloc(MiB);
        new Span<byte>(block, MiB).Fill(0x5A);
        heap.Free(block);
        byte* zeroed = (byte*)heap.AllocZeroed(MiB);
        Assert.Equal(-1, new Span<byte>(zeroed, MiB).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Pages_that_were_given_back_are_zero_when_asked_for_zeroed()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        foreach (int size in new[] { 20_000, 100_000, 3 * MiB, 10 * MiB })
        {
            byte* block = (byte*)heap.Alloc((nuint)size);
            new Span<byte>(block, size).Fill(0x5A);
            heap.Free(block);
            heap.Trim();
            byte* zeroed = (byte*)heap.AllocZeroed((nuint)size);
            Assert.Equal(-1, new Span<byte>(zeroed, size).IndexOfAnyExcept((byte)0));
        }
    }

    [LinuxFact]
    public void A_very_large_block_that_is_asked_for_zeroed_is_discarded_and_not_written_to()
    {
        const int Bytes = 32 * MiB;
        using NativeHeap heap = HeapMaker.NewUsed();
        byte* block = (byte*)heap.Alloc(Bytes);
        new Span<byte>(block, Bytes).Fill(0x5A);
        heap.Free(block);
        long discards = heap.GetStatistics().OsCalls.Discard;
        byte* zeroed = (byte*)heap.AllocZeroed(Bytes);
        Assert.True(zeroed == block);
        Assert.Equal(discards + 1, heap.GetStatistics().OsCalls.Discard);
        Assert.Equal(-1, new Span<byte>(zeroed, Bytes).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void A_large_block_grows_in_place_into_free_pages_after_it()
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc(100_000);
        block[99_999] = 3;
        byte* grown = (byte*)heap.Realloc(block, 3 * MiB);
        Assert.True(grown == block);
        Assert.Equal(3, grown[99_999]);
        Assert.True(heap.UsableSize(grown) >= 3 * MiB);
        heap.Verify();
        heap.Free(grown);
        heap.Verify();
    }

    [Fact]
    public void A_large_block_that_cannot_grow_in_place_moves()
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc(100_000);
        byte* neighbour = (byte*)heap.Alloc(100_000);
        block[99_999] = 3;
        *neighbour = 4;
        byte* moved = (byte*)heap.Realloc(block, 3 * MiB);
        Assert.True(moved != block);
        Assert.Equal((3, 4), (moved[99_999], *neighbour));
        heap.Verify();
    }

    [Fact]
    public void A_large_block_that_shrinks_gives_its_pages_back_where_it_is()
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Alloc(3 * MiB);
        long before = heap.GetStatistics().PagesInUse;
        Assert.True(heap.Realloc(block, 100_000) == block);
        Assert.True(heap.GetStatistics().PagesInUse <= before - 370);
        heap.Verify();
    }

    [Fact]
    public void A_block_grown_beyond_the_largest_class_is_freed_whole()
    {
        using NativeHeap heap = HeapMaker.New();
        void* block = heap.Realloc(heap.Alloc(100_000), 20 * MiB);
        heap.Verify();
        heap.Free(block);
        heap.Trim();
        Assert.Equal(0, heap.GetStatistics().PagesInUse);
    }

    // The system is made to refuse soon, so that a search that never ends shows as a failure.
    [Theory]
    [InlineData(40, 32)]
    [InlineData(33, 32)]
    [InlineData(50, 16)]
    [InlineData(62, 4)]
    public void A_size_that_fits_an_arena_but_not_at_its_alignment_is_served(int mebibytes, int alignment)
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(100));
        heap.Core.Os.FailAfter(20);
        byte* block = (byte*)heap.AlignedAlloc((nuint)(mebibytes * MiB), (nuint)(alignment * MiB));
        Assert.Equal(0, (nint)block % (alignment * MiB));
        block[0] = block[(mebibytes * MiB) - 1] = 1;
        Assert.True(heap.GetStatistics().Arenas <= 10);
        heap.Free(block);
        heap.Verify();
    }

    private static nint[] Kept(NativeHeap heap, int size, int count)
    {
        nint[] kept = [.. Enumerable.Range(0, count).Select(_ => (nint)heap.Alloc((nuint)size))];
        Array.ForEach(kept, block => heap.Free((void*)block));
        return kept;
    }
}
