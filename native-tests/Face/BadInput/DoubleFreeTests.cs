using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

public sealed unsafe class DoubleFreeTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(5000)]
    [InlineData(32_768)]
    [InlineData(40_000)]
    [InlineData(MiB - 8)]
    public void Full_checks_refuse_a_second_free_at_the_call(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(HeapChecks.Full);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        Misuse.AssertRefused(heap, block, MisuseKind.DoubleFree);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(5000)]
    [InlineData(MiB)]
    [Unguarded("guarded blocks take freed pages")]
    public void Full_checks_refuse_a_second_free_after_other_blocks_came_and_went(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(HeapChecks.Full);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        List<nint> others = [];
        for (int i = 0; i < 300; i++)
        {
            nint other = (nint)heap.Alloc((nuint)(size == MiB ? 100 + i : 3 * size));
            others.Add(other);
        }

        others.ForEach(other => heap.Free((void*)other));
        Misuse.AssertRefused(heap, block, MisuseKind.DoubleFree);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(5000)]
    [InlineData(MiB - 8)]
    public void Full_checks_refuse_a_second_free_by_another_thread(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(HeapChecks.Full);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        HeapMaker.OnOtherThread(() => Assert.Throws<HeapCorruptionException>(() => heap.Free((void*)block)));
        Misuse.AssertGoesOn(heap);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(5000)]
    [InlineData(MiB - 8)]
    public void Full_checks_refuse_a_second_free_after_another_threads_first(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(HeapChecks.Full);
        nint block = (nint)heap.Alloc((nuint)size);
        HeapMaker.OnOtherThread(() => heap.Free((void*)block));
        Misuse.AssertRefused(heap, block, MisuseKind.DoubleFree);
    }

    [Fact]
    public void Full_checks_let_one_of_many_racing_frees_succeed()
    {
        using NativeHeap heap = HeapMaker.NewUsed(HeapChecks.Full);
        for (int round = 0; round < 200; round++)
        {
            nint block = (nint)heap.Alloc(100);
            int freed = 0;
            Parallel.For(0, 4, _ =>
            {
                try
                {
                    heap.Free((void*)block);
                    Interlocked.Increment(ref freed);
                }
                catch (HeapCorruptionException error)
                {
                    Assert.Contains(error.Kind, new MisuseKind?[] { MisuseKind.DoubleFree, MisuseKind.FreePage });
                }
            });
            Assert.Equal(1, freed);
        }

        Misuse.AssertGoesOn(heap);
    }

    [Theory]
    [CombinedChecks(5 * MiB, 20 * MiB)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void A_second_free_of_a_block_of_whole_pages_hits_a_free_page(HeapChecks checks, int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        Misuse.AssertRefused(heap, block, MisuseKind.FreePage);
    }

    [Theory]
    [CombinedChecks(16, 5000, 100_000)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void A_second_free_after_the_page_was_released_hits_a_free_page(HeapChecks checks, int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        heap.Trim();
        Misuse.AssertFreeRefused(heap, block, MisuseKind.FreePage);
    }

    [Theory]
    [CombinedChecks(70 * MiB, 100 * MiB)]
    [Unguarded("guarded, it is known to be freed twice")]
    public void A_second_free_of_a_huge_block_is_known_as_such_while_its_memory_is_kept_and_foreign_afterwards(HeapChecks checks, int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);

        // It is kept for a while. Where it is not the platform has it back; another heap of this process may hold it by now.
        MisuseKind? kind = Assert.Throws<HeapCorruptionException>(() => heap.Free((void*)block)).Kind;
        Assert.Contains(kind, new MisuseKind?[] { MisuseKind.DoubleFree, MisuseKind.ForeignPointer, MisuseKind.OtherHeap });
        Misuse.AssertGoesOn(heap);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(5000)]
    [InlineData(32_768)]
    [InlineData(40_000)]
    [InlineData(MiB)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Standard_checks_drop_and_count_a_second_free_when_it_returns(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        void* kept = heap.Alloc((nuint)size);
        void* block = heap.Alloc((nuint)size);
        heap.Free(block);
        heap.Free(block);
        AssertOneFound(heap, kept);
    }

    [Fact]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Standard_checks_drop_and_count_a_second_free_by_another_thread()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        void* kept = heap.Alloc(100);
        nint block = (nint)heap.Alloc(100);
        HeapMaker.OnOtherThread(() => heap.Free((void*)block));
        heap.Free((void*)block);
        StressHeap.WaitForOrphans(heap, 1);
        AssertOneFound(heap, kept);
    }

    [Fact]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Standard_checks_count_every_pointer_that_was_freed_too_often()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        nint[] blocks = [.. Enumerable.Range(0, 1000).Select(_ => (nint)heap.Alloc(48))];
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Array.ForEach(blocks, block => TryFree(heap, block));
        heap.Trim();
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal(0, statistics.LiveBlocks);
        Assert.InRange(statistics.MisuseCount, 1, 1000);
        Misuse.AssertGoesOn(heap);
    }

    // Pages that were released meanwhile are refused at the call.
    private static void TryFree(NativeHeap heap, nint block)
    {
        try
        {
            heap.Free((void*)block);
        }
        catch (HeapCorruptionException error)
        {
            Assert.Equal(MisuseKind.FreePage, error.Kind);
        }
    }

    private static void AssertOneFound(NativeHeap heap, void* kept)
    {
        heap.Trim();
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((1, 1), (statistics.MisuseCount, statistics.LiveBlocks));
        heap.Free(kept);
        heap.Trim();
        Assert.Equal(0, heap.GetStatistics().PagesInUse);
        Misuse.AssertGoesOn(heap);
    }
}
