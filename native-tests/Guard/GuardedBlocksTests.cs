using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard;

/// <summary>Guarded blocks as a program sees them, and what a heap says of errors that it finds itself.</summary>
public sealed unsafe class GuardedBlocksTests
{
    private const byte Mark = 0x11;

    public static TheoryData<int> Sizes => [0, 1, 7, 8, 9, 16, 24, 100, 4095, 4096, 4097, 8192, 10_000, 32_768, 100_000, 5_000_000];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_block_ends_where_its_guard_begins_as_far_as_its_alignment_allows(int byteCount)
    {
        using NativeHeap heap = Guarded();
        byte* block = (byte*)heap.Alloc((nuint)byteCount);

        nint end = (nint)block + byteCount;
        nint guard = (end + Environment.SystemPageSize - 1) & -Environment.SystemPageSize;
        Assert.InRange(guard - end, 0, byteCount <= 8 ? 7 : 15);
        Assert.Equal(0, (nint)block % (byteCount <= 8 ? 8 : 16));
        Assert.Equal((nuint)byteCount, heap.UsableSize(block));
        new System.Span<byte>(block, byteCount).Fill(Mark);
        heap.Verify();
        heap.Free(block);
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_block_at_the_start_begins_with_a_page_after_its_guard(int byteCount)
    {
        using NativeHeap heap = Guarded(GuardAlignment.Start);
        void* block = heap.Alloc((nuint)byteCount);

        Assert.Equal(0, (nint)block % Environment.SystemPageSize);
        new System.Span<byte>(block, byteCount).Fill(Mark);
        heap.Verify();
        heap.Free(block);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(4096)]
    [InlineData(8192)]
    [InlineData(65_536)]
    [InlineData(1 << 22)]
    public void Aligned_blocks_are_aligned(int alignment)
    {
        foreach (GuardAlignment placement in Enum.GetValues<GuardAlignment>())
        {
            using NativeHeap heap = Guarded(placement, strict: true);
            foreach (int byteCount in (int[])[0, 1, 100, 5000, 70_000])
            {
                void* block = heap.AlignedAlloc((nuint)byteCount, (nuint)alignment);
                Assert.Equal(0, (nint)block % alignment);
                new System.Span<byte>(block, byteCount).Fill(Mark);
                heap.Verify();
                heap.AlignedFree(block);
            }
        }
    }

    [Fact]
    public void Zeroed_blocks_are_zero_and_others_show_that_they_are_unwritten()
    {
        using NativeHeap heap = Guarded(budget: 100_000);
        for (int round = 0; round < 100; round++)
        {
            byte* zeroed = (byte*)heap.AllocZeroed(5000);
            Assert.Equal(-1, new System.Span<byte>(zeroed, 5000).IndexOfAnyExcept((byte)0));
            new System.Span<byte>(zeroed, 5000).Fill(Mark);
            byte* other = (byte*)heap.Alloc(5000);
            Assert.Equal(-1, new System.Span<byte>(other, 5000).IndexOfAnyExcept(other[0]));
            Assert.NotEqual(Mark, other[0]);
            heap.Free(zeroed);
            heap.Free(other);
        }

        heap.Verify();
    }

    [Fact]
    public void Reallocation_keeps_contents_and_moves_each_time()
    {
        using NativeHeap heap = Guarded();
        byte* block = (byte*)heap.Alloc(10);
        for (int i = 0; i < 10; i++)
        {
            block[i] = (byte)i;
        }

        foreach (int byteCount in (int[])[11, 5000, 100_000, 20, 10])
        {
            byte* moved = (byte*)heap.Realloc(block, (nuint)byteCount);
            Assert.NotEqual((nint)block, (nint)moved);
            Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], new System.Span<byte>(moved, 10).ToArray());
            block = moved;
        }

        heap.Free(block);
        heap.Verify();
    }

    [Fact]
    public void A_block_freed_twice_is_named_with_both_stacks()
    {
        using NativeHeap heap = Guarded();
        void* block = heap.Alloc(100);
        heap.Free(block);

        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => heap.Free(block));

        Assert.Equal(MisuseKind.DoubleFree, error.Kind);
        Assert.Equal(new BlockInfo((nint)block, 100, 0, BlockState.Free), error.Block);
        Assert.Equal(Environment.CurrentManagedThreadId, error.AllocationThread);
        Assert.Equal(Environment.CurrentManagedThreadId, error.FreeThread);
        Assert.Contains(nameof(A_block_freed_twice_is_named_with_both_stacks), error.AllocationStack, StringComparison.Ordinal);
        Assert.Contains(nameof(A_block_freed_twice_is_named_with_both_stacks), error.FreeStack, StringComparison.Ordinal);
        Assert.All(error.AllocationStack!.Split('\n'), line => Assert.Contains($"   {line.Trim()}", error.Message, StringComparison.Ordinal));
        heap.Verify();
    }

    [Fact]
    public void Of_threads_that_resize_or_free_a_block_at_once_one_succeeds_and_the_others_get_an_exception()
    {
        using NativeHeap heap = Guarded();
        int refused = 0;
        const int Rounds = 300;
        nint[] blocks = StressHeap.AllocateMany(heap, Rounds, 5000);
        using Barrier together = new(3);
        StressThreads.Run(3, number =>
        {
            foreach (nint block in blocks)
            {
                together.SignalAndWait();
                try
                {
                    if (number == 0)
                    {
                        heap.Free((void*)block);
                    }
                    else
                    {
                        heap.Free(heap.Realloc((void*)block, 5000 + (nuint)number));
                    }
                }
                catch (HeapCorruptionException error)
                {
                    Assert.Equal(MisuseKind.DoubleFree, error.Kind);
                    Interlocked.Increment(ref refused);
                }
            }
        });

        Assert.Equal(2 * Rounds, refused);
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Fact]
    public void A_pointer_beside_the_block_that_has_its_page_may_be_of_an_earlier_one()
    {
        using NativeHeap heap = Guarded(budget: 1);
        void* early = heap.Alloc(40);
        heap.Free(early);
        void* late = heap.Alloc(24);
        Assert.Equal(0, ((nint)early ^ (nint)late) & -Environment.SystemPageSize);

        string message = Assert.Throws<HeapCorruptionException>(() => heap.Free(early)).Message;
        Assert.Contains("lies outside the block of its page", message, StringComparison.Ordinal);
        Assert.Contains("Guard.BudgetBytes", message, StringComparison.Ordinal);
        Assert.Contains("lies inside a block", Assert.Throws<HeapCorruptionException>(() => heap.Free((byte*)late + 1)).Message, StringComparison.Ordinal);
        heap.Verify();
    }

    [Fact]
    public void Pointers_into_a_block_and_beside_it_are_refused()
    {
        using NativeHeap heap = Guarded();
        byte* block = (byte*)heap.Alloc(100);

        foreach (nint near in (nint[])[1, 50, 99, 100, -1, 112])
        {
            HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => heap.Free(block + near));
            Assert.Equal(MisuseKind.InteriorPointer, error.Kind);
            Assert.Equal((nint)block, error.Block!.Value.Address);
            Assert.Throws<HeapCorruptionException>(() => heap.Realloc(block + near, 5));
            Assert.Throws<HeapCorruptionException>(() => heap.UsableSize(block + near));
        }

        long local = 0;
        nint stack = (nint)(&local);
        Assert.Equal(MisuseKind.ForeignPointer, Assert.Throws<HeapCorruptionException>(() => heap.Free((void*)stack)).Kind);
        using NativeHeap other = Guarded();
        Assert.Equal(MisuseKind.OtherHeap, Assert.Throws<HeapCorruptionException>(() => other.Free(block)).Kind);
        heap.Free(block);
        heap.Verify();
    }

    [Theory]
    [InlineData(GuardAlignment.End, 13, 13, MisuseKind.Overflow)]
    [InlineData(GuardAlignment.End, 13, 15, MisuseKind.Overflow)]
    [InlineData(GuardAlignment.End, 32, -1, MisuseKind.Underflow)]
    [InlineData(GuardAlignment.End, 32, -3000, MisuseKind.Underflow)]
    [InlineData(GuardAlignment.Start, 32, 32, MisuseKind.Overflow)]
    [InlineData(GuardAlignment.Start, 32, 4000, MisuseKind.Overflow)]
    public void What_is_written_beside_a_block_and_touches_no_guard_is_found(GuardAlignment alignment, int byteCount, int offset, MisuseKind kind)
    {
        using NativeHeap heap = Guarded(alignment);
        byte* block = (byte*)heap.Alloc((nuint)byteCount);
        byte before = block[offset];
        block[offset] ^= 1;

        AssertDamage(Assert.Throws<HeapCorruptionException>(heap.Verify));
        AssertDamage(Assert.Throws<HeapCorruptionException>(() => heap.Free(block)));
        AssertDamage(Assert.Throws<HeapCorruptionException>(() => heap.Realloc(block, 100)));

        block[offset] = before;
        heap.Verify();
        heap.Free(block);
        heap.Verify();

        void AssertDamage(HeapCorruptionException error)
        {
            Assert.Equal((kind, (nint)block), (error.Kind, error.Address));
            int distance = kind == MisuseKind.Overflow ? offset - byteCount : -offset;
            Assert.Contains($"is {distance} bytes", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Any_address_inside_leads_to_the_block()
    {
        using NativeHeap heap = Guarded();
        byte* block = (byte*)heap.Alloc(100_000);

        Assert.True(heap.TryFindBlock(block + 77_777, out BlockInfo found));
        Assert.Equal(new BlockInfo((nint)block, 100_000, 0, BlockState.Allocated), found);
        heap.Free(block);
        Assert.True(heap.TryFindBlock(block + 1, out found));
        Assert.Equal(BlockState.Free, found.State);
        Assert.False(heap.Contains(block));
    }

    [Fact]
    public void Addresses_are_used_again_within_the_budget_and_nothing_grows()
    {
        using NativeHeap heap = Guarded(budget: 1 << 20);
        for (int i = 0; i < 2000; i++)
        {
            heap.Free(heap.Alloc(100));
        }

        HeapStatistics statistics = heap.GetStatistics();
        Assert.InRange(statistics.Guard.QuarantinedBytes, 1, 1 << 20);
        Assert.Equal((0, 0), (statistics.Guard.Degraded, statistics.Guard.LiveBlocks));
        Assert.Equal(2000, statistics.Guard.Guarded);
        Assert.Equal(2000, statistics.Guard.Retired + statistics.Guard.QuarantinedBlocks);
        Assert.Equal(1, statistics.Arenas);
        heap.Verify();
    }

    [Fact]
    public void A_block_that_has_left_quarantine_is_a_free_page()
    {
        using NativeHeap heap = Guarded(budget: 1);
        void* first = heap.Alloc(100);
        heap.Free(first);

        Assert.Equal(MisuseKind.FreePage, Assert.Throws<HeapCorruptionException>(() => heap.Free(first)).Kind);
        heap.Verify();
    }

    [Fact]
    public void Threads_free_each_others_blocks()
    {
        using NativeHeap heap = Guarded(budget: 1 << 20);
        nint[][] made = new nint[3][];
        for (int round = 0; round < 5; round++)
        {
            StressThreads.Run(3, number => made[number] = StressHeap.AllocateMany(heap, 100, 100 + (number * 1000)));
            StressThreads.Run(3, number => StressHeap.FreeAll(heap, made[(number + 1) % 3]));
        }

        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Many_threads_that_free_one_block_free_it_once()
    {
        using NativeHeap heap = Guarded();
        for (int round = 0; round < 50; round++)
        {
            void* block = heap.Alloc(50);
            int refused = 0;
            StressThreads.Run(3, _ =>
            {
                try
                {
                    heap.Free(block);
                }
                catch (HeapCorruptionException)
                {
                    Interlocked.Increment(ref refused);
                }
            });
            Assert.Equal(2, refused);
        }

        heap.Verify();
    }

    [Fact]
    public void Live_blocks_are_grouped_by_where_they_were_allocated()
    {
        using NativeHeap heap = Guarded();
        for (int i = 0; i < 10; i++)
        {
            AllocateHere(heap, 100);
        }

        heap.Alloc(5000);

        IReadOnlyList<LiveBlockGroup> groups = heap.FindLiveBlocks();
        Assert.Equal([(1, 5000), (10, 1000)], groups.Select(static group => (group.Blocks, group.Bytes)));
        Assert.All(groups, static group => Assert.Contains(nameof(Live_blocks_are_grouped_by_where_they_were_allocated), group.AllocationStack, StringComparison.Ordinal));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AllocateHere(NativeHeap heap, nuint byteCount) => heap.Alloc(byteCount);

    private static NativeHeap Guarded(GuardAlignment alignment = GuardAlignment.End, bool strict = false, nuint budget = 0) => new(new NativeHeapOptions
    {
        Guard = { Mode = GuardMode.All, Alignment = alignment, Strict = strict, BudgetBytes = budget },
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });
}
