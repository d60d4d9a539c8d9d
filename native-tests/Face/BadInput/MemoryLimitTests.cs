using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

public sealed unsafe class MemoryLimitTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [CombinedChecks(0, 16, 1000, 20_000, 100_000, 5 * MiB, 30 * MiB)]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void A_heap_at_its_limit_is_out_of_memory_stays_below_it_and_goes_on(HeapChecks checks, int size)
    {
        const int Limit = 40 * MiB;
        using NativeHeap heap = HeapMaker.New(checks, limit: Limit);
        for (int round = 0; round < 2; round++)
        {
            List<nint> blocks = Fill(heap, (nuint)size);
            Assert.NotEmpty(blocks);
            AssertBelow(heap, Limit);
            long taken = size + (checks == HeapChecks.Full ? 8 : 0);
            Assert.True(blocks.Count * taken > Limit / 2 || size == 0, $"{blocks.Count} blocks only");
            heap.Verify();
            blocks.ForEach(block => heap.Free((void*)block));
            Misuse.AssertGoesOn(heap);
            Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        }
    }

    [Fact]
    public void The_exception_names_the_heap_the_size_and_the_limit()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "Pages", MemoryLimit = 20 * MiB });
        string message = Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(123 * MiB); }).Message;
        Assert.Contains("'Pages'", message, StringComparison.Ordinal);
        Assert.Contains($"{123 * MiB} bytes", message, StringComparison.Ordinal);
        Assert.Contains($"{20 * MiB} bytes", message, StringComparison.Ordinal);
    }

    [Fact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void Memory_parked_by_one_class_serves_another_before_the_limit_counts()
    {
        using NativeHeap heap = HeapMaker.New(limit: 20 * MiB);
        Fill(heap, 64).ForEach(block => heap.Free((void*)block));
        List<nint> blocks = Fill(heap, 1000);
        Assert.True(blocks.Count * 1000L > 10 * MiB);
        heap.Verify();
    }

    [Fact]
    public void A_resize_over_the_limit_leaves_the_block_as_it_was()
    {
        using NativeHeap heap = HeapMaker.New(limit: 20 * MiB);
        foreach (nuint size in new nuint[] { 100, 100_000, 5 * MiB })
        {
            byte* block = (byte*)heap.Alloc(size);
            block[size - 1] = 42;
            nint address = (nint)block;
            Assert.Throws<OutOfMemoryException>(() => { heap.Realloc((void*)address, 30 * MiB); });
            Assert.Throws<OutOfMemoryException>(() => { heap.Realloc((void*)address, 300 * MiB); });
            Assert.Equal(42, block[size - 1]);
            heap.Free(block);
            heap.Verify();
        }
    }

    [Fact]
    [Unguarded("guarded blocks are counted by themselves")]
    public void Huge_blocks_count_towards_the_limit_and_no_longer_once_freed()
    {
        using NativeHeap heap = HeapMaker.New(limit: 200 * MiB);
        for (int round = 0; round < 5; round++)
        {
            void* first = heap.Alloc(90 * MiB);
            void* second = heap.Realloc(heap.Alloc(70 * MiB), 90 * MiB);
            Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(90 * MiB); });
            Assert.Equal(180L * MiB, heap.GetStatistics().HugeBytes);
            heap.Free(first);
            heap.Free(second);
            heap.Verify();
        }
    }

    [Fact]
    public void Blocks_of_no_bytes_at_wide_alignments_leave_the_account_even()
    {
        const int Limit = 10 * MiB;
        using NativeHeap heap = HeapMaker.New(limit: Limit);
        for (int i = 0; i < 1000; i++)
        {
            heap.Free(heap.AlignedAlloc(0, 128 * MiB));
        }

        Assert.True(heap.Core.Limit.IsWithinLimit(0u), "the account of huge bytes went below zero");
        nuint room = Limit - heap.Core.Limit.MetadataBytes;
        Assert.True(heap.Core.Limit.IsWithinLimit(room));
        Assert.False(heap.Core.Limit.IsWithinLimit(room + 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(60_000)]
    public void A_limit_too_small_for_anything_refuses_everything_and_is_no_error_to_have(int limit)
    {
        using NativeHeap heap = HeapMaker.New(limit: (nuint)limit);
        Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(1); });
        Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(100_000); });
        Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(100 * MiB); });
        heap.Verify();
    }

    [Theory]
    [CombinedChecks]
    public void An_arena_that_cannot_be_had_is_out_of_memory_until_it_can(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        heap.Core.Os.FailAfter(0);
        foreach (nuint size in new nuint[] { 1, 100_000, 5 * MiB, 100 * MiB })
        {
            Assert.Throws<OutOfMemoryException>(() => { heap.Alloc(size); });
            Assert.Throws<OutOfMemoryException>(() => { heap.AllocZeroed(size); });
        }

        heap.Verify();
        heap.Core.Os.FailAfter(-1);
        Misuse.AssertGoesOn(heap);
    }

    private static List<nint> Fill(NativeHeap heap, nuint size)
    {
        List<nint> blocks = [];
        while (true)
        {
            try
            {
                blocks.Add((nint)heap.Alloc(size));
            }
            catch (OutOfMemoryException)
            {
                return blocks;
            }
        }
    }

    private static void AssertBelow(NativeHeap heap, long limit)
    {
        HeapStatistics statistics = heap.GetStatistics();
        long used = (statistics.PagesInUse * statistics.PageSize) + statistics.MetadataBytes + statistics.HugeBytes;

        // A header's share for the pages taken last may lie above.
        Assert.InRange(used, limit / 2, limit + (64 * 1024));
    }
}
