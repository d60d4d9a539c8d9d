using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Spans;

/// <summary>Freed huge blocks stay mapped for a while and serve again.</summary>
[Unguarded("guarded huge blocks are never kept")]
public sealed unsafe class HugeBlockCacheTests
{
    private const nuint MiB = 1 << 20;

    [Theory]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1000)]
    public void A_pair_in_a_loop_calls_the_system_no_more(int mebibytes)
    {
        using NativeHeap heap = HeapMaker.New();
        void* first = heap.Alloc((nuint)mebibytes * MiB);
        heap.Free(first);
        long calls = heap.Core.Os.TotalCalls;
        for (int i = 0; i < 100; i++)
        {
            void* block = heap.Alloc((nuint)mebibytes * MiB);
            Assert.True(block == first);
            heap.Free(block);
        }

        Assert.Equal(calls, heap.Core.Os.TotalCalls);
        heap.Verify();
    }

    [Fact]
    public void What_is_kept_is_cached_and_not_live()
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc(80 * MiB);
        heap.Free(block);
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((0, 0, 0), (statistics.HugeBlocks, statistics.HugeBytes, statistics.LiveBlocks));
        Assert.Equal((1, 80 * (long)MiB), (statistics.CachedHugeBlocks, statistics.CachedHugeBytes));
        Assert.True(statistics.ResidentBytes >= 80 * (long)MiB);
        Assert.False(heap.Contains(block + 5));
        Assert.True(heap.TryFindBlock(block + 5, out BlockInfo info));
        Assert.Equal(((nint)block, BlockState.Free), (info.Address, info.State));
        heap.Verify();
    }

    [Fact]
    public void The_smallest_that_leaves_at_most_a_quarter_unused_serves()
    {
        using NativeHeap heap = HeapMaker.New();
        nint[] blocks = [.. new[] { 100, 80, 90, 70 }.Select(size => (nint)heap.Alloc((nuint)size * MiB))];
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Assert.Equal(blocks[1], (nint)heap.Alloc(75 * MiB));
        Assert.Equal(blocks[2], (nint)heap.Alloc(75 * MiB));
        Assert.DoesNotContain((nint)heap.Alloc(75 * MiB), blocks);
        Assert.Equal((2, 170 * (long)MiB), (heap.GetStatistics().CachedHugeBlocks, heap.GetStatistics().CachedHugeBytes));
        Assert.Equal(80 * MiB, heap.UsableSize((void*)blocks[1]));
        heap.Verify();
    }

    [Fact]
    public void Only_one_with_the_alignment_serves()
    {
        using NativeHeap heap = HeapMaker.New();
        nint aligned = (nint)heap.AlignedAlloc(80 * MiB, 64 * MiB);
        nint other = (nint)heap.Alloc(80 * MiB);
        heap.Free((void*)aligned);
        heap.Free((void*)other);
        Assert.Equal(aligned, (nint)heap.AlignedAlloc(80 * MiB, 64 * MiB));
        Assert.Equal(0, (nint)heap.AlignedAlloc(80 * MiB, 64 * MiB) % (64 * (nint)MiB));
        Assert.Equal(other, (nint)heap.Alloc(80 * MiB));
        heap.Verify();
    }

    [Fact]
    public void One_that_is_asked_for_zeroed_is_zero()
    {
        using NativeHeap heap = HeapMaker.New();
        const int Bytes = 70 << 20;
        byte* block = (byte*)heap.Alloc(Bytes);
        new Span<byte>(block, Bytes).Fill(0x5A);
        heap.Free(block);
        byte* zeroed = (byte*)heap.AllocZeroed(Bytes - 5000);
        Assert.True(zeroed == block);
        Assert.Equal(-1, new Span<byte>(zeroed, Bytes - 5000).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Those_kept_longest_make_room()
    {
        using NativeHeap heap = HeapMaker.New();
        nint[] blocks = [.. Enumerable.Range(0, HugeBlockCache.Capacity + 4).Select(_ => (nint)heap.Alloc(64 * MiB))];
        long released = heap.Core.Os.Calls(OsCall.ReleaseArena);
        Array.ForEach(blocks, block => heap.Free((void*)block));
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal(HugeBlockCache.Capacity, statistics.CachedHugeBlocks);
        Assert.Equal(released + 4, heap.Core.Os.Calls(OsCall.ReleaseArena));
        for (int i = 0; i < HugeBlockCache.Capacity; i++)
        {
            Assert.Equal(blocks[^(i + 1)], (nint)heap.Alloc(64 * MiB));
        }

        heap.Verify();
    }

    [Fact]
    public void No_more_bytes_are_kept_than_a_bound()
    {
        using NativeHeap heap = HeapMaker.New();
        nint[] blocks = [.. Enumerable.Range(0, 6).Select(i => (nint)heap.Alloc((nuint)(280 + i) * MiB))];
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Assert.Equal((3, (283 + 284 + 285) * (long)MiB), (heap.GetStatistics().CachedHugeBlocks, heap.GetStatistics().CachedHugeBytes));
        heap.Free(heap.Alloc(HugeBlockCache.MaxBytes + 1));
        Assert.Equal(3, heap.GetStatistics().CachedHugeBlocks);
        heap.Verify();
    }

    [Fact]
    public void They_go_back_after_a_delay_in_which_they_were_not_wanted()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(80 * MiB));
        heap.Core.Clock.Advance();
        void* later = heap.Alloc(120 * MiB);
        heap.Free(later);
        heap.Core.Clock.Advance();
        Assert.False(heap.Core.HugeCache.TryReleaseAged(heap.Core.Clock.Now));
        Assert.Equal(2, heap.GetStatistics().CachedHugeBlocks);
        heap.Core.Clock.Advance();
        Assert.True(heap.Core.HugeCache.TryReleaseAged(heap.Core.Clock.Now));
        Assert.Equal(120 * (long)MiB, heap.GetStatistics().CachedHugeBytes);
        Assert.False(heap.Core.HugeCache.TryReleaseAged(heap.Core.Clock.Now));
        heap.Core.Clock.Advance();
        Assert.True(heap.Core.HugeCache.TryReleaseAged(heap.Core.Clock.Now));
        Assert.Equal(0, heap.GetStatistics().CachedHugeBlocks);
        heap.Verify();
    }

    [Fact]
    public void One_that_is_wanted_again_and_again_is_given_up_once_and_stays_until_the_program_has_stopped()
    {
        using NativeHeap heap = HeapMaker.New();
        long released = heap.Core.Os.Calls(OsCall.ReleaseArena);
        for (int i = 0; i < 10; i++)
        {
            heap.Free(heap.Alloc(80 * MiB));
            Rounds(heap, 5);
        }

        Assert.Equal(released + 1, heap.Core.Os.Calls(OsCall.ReleaseArena));
        Rounds(heap, PageRetention.Rounds);
        Assert.Equal(0, heap.GetStatistics().CachedHugeBlocks);
        heap.Verify();
    }

    [Fact]
    public void More_of_them_than_a_bound_do_not_stay_for_that()
    {
        using NativeHeap heap = HeapMaker.New();
        for (int i = 0; i < 5; i++)
        {
            heap.Free(heap.Alloc((nuint)PageRetention.MaxBytes + MiB));
            Rounds(heap, 5);
            Assert.Equal(0, heap.GetStatistics().CachedHugeBlocks);
        }
    }

    [Fact]
    public void The_timer_gives_them_back()
    {
        using NativeHeap heap = HeapMaker.New(delay: TimeSpan.FromMilliseconds(20));
        heap.Free(heap.Alloc(80 * MiB));
        Assert.True(SpinWait.SpinUntil(() => heap.Core.Limit.HugeBytes == 0, TimeSpan.FromSeconds(30)), "the block is still kept");
        Assert.Equal(0, heap.GetStatistics().CachedHugeBlocks);
    }

    [Fact]
    public void Trim_gives_them_back()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(80 * MiB));
        heap.Free(heap.Alloc(120 * MiB));
        heap.Trim();
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((0, 0, 2), (statistics.CachedHugeBlocks, statistics.CachedHugeBytes, statistics.OsCalls.Huge));
        Assert.Equal(0, heap.Core.Limit.HugeBytes);
        heap.Verify();
    }

    [Fact]
    public void They_count_towards_the_limit_and_are_given_up_before_it_refuses()
    {
        using NativeHeap heap = HeapMaker.New(limit: 200 * MiB);
        heap.Free(heap.Alloc(90 * MiB));
        Assert.Equal(90 * (long)MiB, heap.Core.Limit.HugeBytes);
        void* huge = heap.Alloc(150 * MiB);
        Assert.Equal(150 * (long)MiB, heap.Core.Limit.HugeBytes);
        heap.Free(huge);
        void*[] large = [heap.Alloc(40 * MiB), heap.Alloc(40 * MiB), heap.Alloc(40 * MiB)];
        Assert.Equal(0, heap.Core.Limit.HugeBytes);
        Array.ForEach(Array.ConvertAll(Enumerable.Range(0, 3).ToArray(), i => (nint)large[i]), block => heap.Free((void*)block));
        heap.Trim();
        huge = heap.Alloc(70 * MiB);
        heap.Free(heap.Alloc(110 * MiB));
        heap.Free(heap.Realloc(huge, 180 * MiB));
        heap.Free(heap.Realloc(heap.Alloc(100), 170 * MiB));
        for (int i = 0; i < 100; i++)
        {
            heap.Alloc(MiB);
        }

        heap.Verify();
    }

    [Fact]
    public void They_are_given_up_when_the_system_refuses()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(80 * MiB));
        heap.Core.Os.FailAll(OsCall.AllocateHuge);
        Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(200 * MiB); });
        Assert.Equal(0, heap.GetStatistics().CachedHugeBlocks);
        heap.Verify();
    }

    [Theory]
    [InlineData(ForeignFree.Throw)]
    [InlineData(ForeignFree.Forward)]
    public void One_that_is_freed_again_or_used_otherwise_is_refused(ForeignFree foreign)
    {
        using NativeHeap heap = HeapMaker.New(foreign: foreign);
        nint block = (nint)heap.Alloc(80 * MiB);
        heap.Free((void*)block);
        Misuse.AssertRefused(heap, block, MisuseKind.DoubleFree);
        Misuse.AssertRefused(heap, block + 16, MisuseKind.DoubleFree);
        Assert.Equal(block, (nint)heap.Alloc(80 * MiB));
        heap.Free((void*)block);
        heap.Verify();
    }

    [Fact]
    public void Full_checks_keep_none_so_that_an_access_faults()
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        heap.Free(heap.Alloc(80 * MiB));
        Assert.Equal(0, heap.GetStatistics().CachedHugeBlocks);
        heap.Verify();
    }

    [Fact]
    public void A_heap_that_goes_frees_them()
    {
        NativeHeap heap = HeapMaker.New();
        OsMemory os = heap.Core.Os;
        heap.Free(heap.Alloc(80 * MiB));
        heap.Free(heap.Alloc(120 * MiB));
        long released = os.Calls(OsCall.ReleaseArena);
        ulong serial = heap.Core.Serial;
        heap.Dispose();
        Assert.True(os.Calls(OsCall.ReleaseArena) >= released + 2);
        HugeBlockTable.CountKept(serial, out nuint count, out _);
        Assert.Equal((nuint)0, count);
    }

    [Fact]
    public void Threads_that_allocate_free_and_trim_lose_none_and_share_none()
    {
        using NativeHeap heap = HeapMaker.New(limit: 2000 * MiB);
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(id => new Thread(() => Run(heap, id)))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(0, heap.GetStatistics().HugeBlocks);
        heap.Verify();
        heap.Trim();
        Assert.Equal(0, heap.Core.Limit.HugeBytes);
    }

    private static void Run(NativeHeap heap, int id)
    {
        for (int i = 0; i < 300; i++)
        {
            nuint size = (nuint)(64 + ((i * 7) + id) % 50) * MiB;
            int* block = (int*)heap.Alloc(size);
            block[0] = block[(size / sizeof(int)) - 1] = id;
            if (i % 50 == id)
            {
                heap.Trim();
            }

            if (block[0] != id || block[(size / sizeof(int)) - 1] != id)
            {
                throw new InvalidOperationException("Two threads have one block.");
            }

            heap.Free(block);
        }
    }

    private static void Rounds(NativeHeap heap, int count)
    {
        for (int i = 0; i < count; i++)
        {
            heap.Core.Clock.Advance();
            while (heap.Core.HugeCache.TryReleaseAged(heap.Core.Clock.Now))
            {
            }
        }
    }
}
