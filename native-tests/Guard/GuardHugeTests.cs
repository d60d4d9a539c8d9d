using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard;

/// <summary>Guarded blocks that no arena holds. Little of them is touched: on Linux they take no memory.</summary>
public sealed unsafe class GuardHugeTests
{
    private static readonly nuint s_huge = (nuint)PageGeometry.ArenaSize + 100;

    [Theory]
    [InlineData(GuardAlignment.End)]
    [InlineData(GuardAlignment.Start)]
    public void A_huge_block_lies_against_its_guard(GuardAlignment placement)
    {
        using NativeHeap heap = Guarded(placement);
        byte* block = (byte*)heap.Alloc(s_huge);

        nint page = Environment.SystemPageSize;
        nint distance = placement == GuardAlignment.Start ? (nint)block % page : page - 1 - ((nint)(block + s_huge - 1) % page);
        Assert.InRange(distance, 0, 15);
        Assert.Equal(0, (nint)block % 16);
        block[0] = block[s_huge - 1] = 1;
        Assert.Equal(s_huge, heap.UsableSize(block));
        Assert.Equal((1, 0), (heap.GetStatistics().Guard.LiveBlocks, heap.GetStatistics().Guard.Degraded));
        Assert.Equal((long)s_huge, heap.GetStatistics().Guard.HugeBytes);
        heap.Verify();
        heap.Free(block);
        heap.Verify();
        Assert.Equal((0, 1, 0), (heap.GetStatistics().Guard.LiveBlocks, heap.GetStatistics().Guard.QuarantinedBlocks, heap.GetStatistics().Guard.HugeBytes));
    }

    [Fact]
    public void A_zeroed_huge_block_is_zero_at_both_ends()
    {
        using NativeHeap heap = Guarded(budget: 1);
        for (int i = 0; i < 5; i++)
        {
            byte* block = (byte*)heap.AllocZeroed(s_huge);
            Assert.Equal((0, 0), (block[0], block[s_huge - 1]));
            block[0] = block[s_huge - 1] = 1;
            heap.Free(block);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(100_000)]
    public void A_block_more_widely_aligned_than_an_arena_is_guarded_too(int byteCount)
    {
        using NativeHeap heap = Guarded();
        nuint alignment = (nuint)PageGeometry.ArenaSize;
        void* block = heap.AlignedAlloc((nuint)byteCount, alignment);

        Assert.Equal((nuint)0, (nuint)block % alignment);
        Assert.Equal(1, heap.GetStatistics().Guard.LiveBlocks);
        heap.Verify();
        heap.AlignedFree(block);
        Assert.Throws<HeapCorruptionException>(() => heap.AlignedFree(block));
        heap.Verify();
    }

    [Fact]
    public void Blocks_become_huge_and_small_again_with_their_contents()
    {
        using NativeHeap heap = Guarded();
        byte* small = (byte*)heap.Alloc(3);
        (small[0], small[2]) = (7, 9);
        byte* huge = (byte*)heap.Realloc(small, s_huge);
        Assert.Equal((7, 9), (huge[0], huge[2]));
        Assert.Throws<HeapCorruptionException>(() => heap.Free(small));

        byte* again = (byte*)heap.Realloc(huge, 3);
        Assert.Equal((7, 9), (again[0], again[2]));
        Assert.Equal(MisuseKind.DoubleFree, Assert.Throws<HeapCorruptionException>(() => heap.Realloc(huge, 3)).Kind);
        heap.Verify();
        heap.Free(again);
    }

    [Fact]
    public void Bad_pointers_to_a_huge_block_are_refused_with_what_is_known_of_it()
    {
        using NativeHeap heap = Guarded();
        using NativeHeap other = Guarded();
        byte* block = (byte*)heap.Alloc(s_huge);

        HeapCorruptionException inside = Assert.Throws<HeapCorruptionException>(() => heap.Free(block + 1_000_000));
        Assert.Equal((MisuseKind.InteriorPointer, (nint)block), (inside.Kind, inside.Block!.Value.Address));
        Assert.Contains(nameof(Bad_pointers_to_a_huge_block_are_refused_with_what_is_known_of_it), inside.AllocationStack, StringComparison.Ordinal);
        Assert.Equal(MisuseKind.OtherHeap, Assert.Throws<HeapCorruptionException>(() => other.Free(block)).Kind);
        Assert.Equal(MisuseKind.OtherHeap, Assert.Throws<HeapCorruptionException>(() => other.UsableSize(block)).Kind);

        Assert.True(heap.TryFindBlock(block + 5, out BlockInfo info));
        Assert.Equal(((nint)block, s_huge, BlockState.Allocated), (info.Address, info.Size, info.State));
        Assert.False(other.TryFindBlock(block, out _));

        heap.Free(block);
        HeapCorruptionException twice = Assert.Throws<HeapCorruptionException>(() => heap.Free(block));
        Assert.Equal(MisuseKind.DoubleFree, twice.Kind);
        Assert.NotNull(twice.FreeStack);
        Assert.True(heap.TryFindBlock(block, out info) && info.State == BlockState.Free);
        heap.Verify();
    }

    [Fact]
    public void A_write_between_the_end_of_a_huge_block_and_its_guard_is_found_when_it_is_freed()
    {
        using NativeHeap heap = Guarded();
        byte* block = (byte*)heap.Alloc(s_huge);
        Assert.NotEqual(0, (nint)(block + s_huge) % 16);
        block[s_huge] ^= 1;

        Assert.Equal(MisuseKind.Overflow, Assert.Throws<HeapCorruptionException>(() => heap.Free(block)).Kind);
        Assert.Throws<HeapCorruptionException>(heap.Verify);
        block[s_huge] ^= 1;
        heap.Verify();
        heap.Free(block);
    }

    [Fact]
    public void Huge_blocks_leave_quarantine_by_their_own_budget_and_leave_small_ones_there()
    {
        using NativeHeap heap = Guarded(budget: (3 * s_huge) - 1);
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 10, 100));
        for (int i = 0; i < 6; i++)
        {
            heap.Free(heap.Alloc(s_huge));
        }

        Assert.Equal((12, 4), (heap.GetStatistics().Guard.QuarantinedBlocks, heap.GetStatistics().Guard.Retired));
        heap.Verify();
        heap.Core.Guard!.RetireFor(1);
        Assert.Equal(0, heap.GetStatistics().Guard.QuarantinedBlocks);
        heap.Verify();
    }

    [Fact]
    public void A_block_larger_than_the_budget_goes_at_once_and_turns_none_out()
    {
        using NativeHeap heap = Guarded(budget: 2 * s_huge);
        heap.Free(heap.Alloc(s_huge));
        heap.Free(heap.Alloc(10 * s_huge));

        Assert.Equal((1, 1), (heap.GetStatistics().Guard.QuarantinedBlocks, heap.GetStatistics().Guard.Retired));
        heap.Verify();
    }

    [Fact]
    public void A_wide_alignment_counts_by_the_address_space_that_it_takes()
    {
        nuint alignment = (nuint)PageGeometry.ArenaSize;
        using NativeHeap heap = Guarded(budget: (3 * alignment) - 1);
        for (int i = 0; i < 6; i++)
        {
            heap.AlignedFree(heap.AlignedAlloc(100, alignment));
        }

        Assert.Equal(2, heap.GetStatistics().Guard.QuarantinedBlocks);
        Assert.InRange(heap.GetStatistics().Guard.QuarantinedBytes, 2 * (long)alignment, 3 * (long)alignment);
    }

    [Fact]
    public void Small_blocks_take_the_place_of_freed_huge_ones_in_a_heap_at_its_limit()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All }, MemoryLimit = s_huge + (8 << 20) });
        heap.Free(heap.Alloc(s_huge));
        nint[] blocks = StressHeap.AllocateMany(heap, 10, 1 << 20);

        Assert.Equal((10, 1, 0), (heap.GetStatistics().Guard.LiveBlocks, heap.GetStatistics().Guard.QuarantinedBlocks, heap.GetStatistics().Guard.Degraded));
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
    }

    [Fact]
    public void A_huge_block_that_cannot_be_protected_when_it_is_freed_goes_at_once()
    {
        using NativeHeap heap = Guarded();
        heap.Core.Os.FailAll(OsCall.InstallGuard);
        void* block = heap.Alloc(s_huge);
        heap.Core.Os.FailAll(OsCall.Fault);
        heap.Free(block);

        GuardStatistics guard = heap.GetStatistics().Guard;
        Assert.Equal((0, 1, 1), (guard.QuarantinedBlocks, guard.Retired, guard.Degraded));
        heap.Verify();
    }

    [Fact]
    public void A_heap_at_its_limit_takes_the_addresses_of_freed_huge_blocks()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All, BudgetBytes = 100 * s_huge }, MemoryLimit = (2 * s_huge) - 1 });
        for (int i = 0; i < 10; i++)
        {
            heap.Free(heap.Alloc(s_huge));
        }

        void* block = heap.Alloc(s_huge);
        Assert.Equal(0, heap.GetStatistics().Guard.Degraded);
        Assert.Throws<OutOfMemoryException>(() => heap.Alloc(s_huge));
        heap.Verify();
        heap.Free(block);
    }

    [Fact]
    public void Live_huge_blocks_are_among_those_not_freed_and_go_with_their_heap()
    {
        using NativeHeap heap = Guarded();
        void* block = heap.Alloc(s_huge);
        heap.Free(heap.Alloc(s_huge));

        LiveBlockGroup group = Assert.Single(heap.FindLiveBlocks());
        Assert.Equal((1, (long)s_huge), (group.Blocks, group.Bytes));
        heap.Dispose();
        using NativeHeap other = Guarded();
        Assert.Equal(MisuseKind.ForeignPointer, Assert.Throws<HeapCorruptionException>(() => other.Free(block)).Kind);
    }

    [Theory]
    [InlineData(nameof(OsCall.AllocateHuge))]
    [InlineData(nameof(OsCall.InstallGuard))]
    [InlineData(nameof(OsCall.RemoveGuard))]
    [InlineData(nameof(OsCall.Fault))]
    public void A_call_that_is_refused_leaves_the_heap_sound(string refused)
    {
        using NativeHeap heap = Guarded(budget: s_huge);
        heap.Free(heap.Alloc(s_huge));
        heap.Core.Os.FailAll(Enum.Parse<OsCall>(refused));
        Use();
        heap.Core.Os.FailAll((OsCall)(-1));
        Use();
        heap.Core.Guard!.RetireFor(1);
        heap.Verify();

        void Use()
        {
            for (int i = 0; i < 3; i++)
            {
                try
                {
                    heap.Free(heap.Alloc(s_huge));
                }
                catch (OutOfMemoryException) when (refused == nameof(OsCall.AllocateHuge))
                {
                    // As without guards.
                }

                heap.Verify();
            }
        }
    }

    [Fact]
    public void A_sample_takes_a_huge_block_as_well_and_keeps_what_it_has()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.Sampled, Rate = 1 } });
        heap.Free(heap.Alloc(100));
        heap.Free(heap.Alloc(s_huge));

        GuardStatistics guard = heap.GetStatistics().Guard;
        Assert.Equal((2, 1, 0, 0), (guard.Guarded, guard.QuarantinedBlocks, guard.Skipped, guard.Degraded));
    }

    private static NativeHeap Guarded(GuardAlignment placement = GuardAlignment.End, nuint budget = 0) => new(new NativeHeapOptions
    {
        Guard = { Mode = GuardMode.All, Alignment = placement, BudgetBytes = budget },
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });
}
