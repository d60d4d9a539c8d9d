using SpanHeap.Os;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Guard;

/// <summary>What a heap does when the system, or a budget, does not let it guard.</summary>
public sealed unsafe class GuardLimitTests
{
    [Fact]
    public void Without_markers_mappings_are_protected()
    {
        using NativeHeap heap = Guarded();
        heap.Core.Os.FailAll(OsCall.InstallGuard);
        UseAndVerify(heap);

        GuardStatistics guard = heap.GetStatistics().Guard;
        Assert.Equal((false, 0), (guard.UsesMarkers, guard.Degraded));
        Assert.InRange(guard.Mappings, 1, long.MaxValue);
        Assert.InRange(heap.Core.Os.Calls(OsCall.Fault), 1, long.MaxValue);
    }

    [Fact]
    public void Where_nothing_can_be_protected_blocks_are_served_and_counted()
    {
        using NativeHeap heap = Guarded();
        RefuseProtection(heap);
        UseAndVerify(heap);

        GuardStatistics guard = heap.GetStatistics().Guard;
        Assert.Equal(1, guard.Guarded);
        Assert.InRange(guard.Degraded, 1, long.MaxValue);
    }

    [Fact]
    public void A_freed_block_whose_pages_cannot_be_protected_is_filled_and_writes_to_it_are_found()
    {
        using NativeHeap heap = Guarded();
        heap.Core.Os.FailAll(OsCall.InstallGuard);
        byte* block = (byte*)heap.Alloc(100);
        heap.Core.Os.FailAll(OsCall.Fault);
        heap.Free(block);
        Assert.Equal(1, heap.GetStatistics().Guard.Degraded);

        block[5] = 1;
        heap.Core.Guard!.RetireFor(1);

        Assert.Equal(1, heap.GetStatistics().MisuseCount);
        heap.Verify();
    }

    [Fact]
    public void A_heap_at_its_limit_takes_the_addresses_of_freed_blocks_before_it_refuses()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All }, MemoryLimit = 8 << 20, ScavengeDelay = Timeout.InfiniteTimeSpan });
        for (int i = 0; i < 50; i++)
        {
            heap.Free(heap.Alloc(1 << 20));
        }

        List<nint> blocks = [];
        Assert.Throws<OutOfMemoryException>(AllocateOn);
        Assert.InRange(blocks.Count, 6, 8);
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();

        void AllocateOn()
        {
            while (true)
            {
                blocks.Add((nint)heap.Alloc(1 << 20));
            }
        }
    }

    [Theory]
    [InlineData(GuardMode.All, 16)]
    [InlineData(GuardMode.All, 3000)]
    [InlineData(GuardMode.Sampled, 3000)]
    public void A_limit_counts_what_guarded_blocks_were_asked_for_and_not_their_pages(GuardMode mode, int byteCount)
    {
        const int Limit = 8 << 20;
        using NativeHeap heap = new(new NativeHeapOptions
        {
            Guard = { Mode = mode, Rate = 2, BudgetBytes = 64 << 20 },
            MemoryLimit = Limit,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
        });

        // By their pages all of them would be twice the limit; so many as are the limit are guarded.
        nint[] blocks = StressHeap.AllocateMany(heap, 2000, byteCount);
        Assert.InRange(heap.GetStatistics().Guard.LiveBlocks, 900, 1024);
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
        AssertNothingIsCounted(heap);
    }

    [Theory]
    [InlineData(GuardMode.All)]
    [InlineData(GuardMode.Sampled)]
    public void A_limit_counts_the_slots_of_guarded_traced_blocks_and_not_their_pages(GuardMode mode)
    {
        using TracedHeap heap = new(new TracedHeapOptions
        {
            Guard = { Mode = mode, Rate = 2, BudgetBytes = 64 << 20 },
            MemoryLimit = 8 << 20,
            ManualOnly = true,
        });
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 2000; i++)
            {
                scope.New<Node>();
            }

            scope.NewValues<byte>(100_000);
        }

        heap.Verify();
        heap.Collect();
        heap.FinishSweeping();
        AssertNothingIsCounted(heap.Native);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64 << 20)]
    public void A_request_that_cannot_be_served_takes_nothing_out_of_quarantine(int limit)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All }, MemoryLimit = (nuint)limit, ScavengeDelay = Timeout.InfiniteTimeSpan });
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 100, 40));
        heap.Free(heap.Alloc(1 << 20));

        Assert.Throws<OutOfMemoryException>(() => heap.Alloc((nuint)1 << 46));
        Assert.Throws<OutOfMemoryException>(() => heap.Realloc(null, nuint.MaxValue));
        Assert.Equal((101, 0), (heap.GetStatistics().Guard.QuarantinedBlocks, heap.GetStatistics().Guard.Degraded));
        heap.Verify();
    }

    [Fact]
    public void A_guarded_block_grows_to_the_limit_though_it_moves()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All }, MemoryLimit = 8 << 20, ScavengeDelay = Timeout.InfiniteTimeSpan });
        void* block = heap.Realloc(heap.Alloc(4 << 20), 7 << 20);
        Assert.Throws<OutOfMemoryException>(() => heap.Realloc(block, 9 << 20));

        // Both together had been too many guarded pages: it went on without. What was refused is not counted.
        Assert.Equal((1, 0, 1), (heap.GetStatistics().LiveBlocks, heap.Core.Limit.GuardedBytes, heap.GetStatistics().Guard.Degraded));
        heap.Free(block);
        AssertNothingIsCounted(heap);
    }

    private static void AssertNothingIsCounted(NativeHeap heap)
    {
        Assert.Equal(0, heap.Core.Limit.GuardedBytes);
        Assert.Equal(heap.GetStatistics().Guard.Pages, heap.Core.Limit.GuardedPages);
        heap.Core.Guard!.RetireFor(1);
        Assert.Equal(0, heap.Core.Limit.GuardedPages);
        heap.Verify();
    }

    [Fact]
    public void Pages_that_the_system_does_not_let_go_stay_in_quarantine()
    {
        using NativeHeap heap = Guarded(budget: 1 << 20);
        nint[] blocks = StressHeap.AllocateMany(heap, 10, 100);
        StressHeap.FreeAll(heap, blocks);
        OsCall unprotect = heap.GetStatistics().Guard.UsesMarkers ? OsCall.RemoveGuard : OsCall.Unfault;
        heap.Core.Os.FailAll(unprotect);

        heap.Core.Guard!.RetireFor(1);
        Assert.Equal(10, heap.GetStatistics().Guard.QuarantinedBlocks);
        heap.Verify();

        heap.Core.Os.FailAll((OsCall)(-1));
        heap.Core.Guard.RetireFor(1);
        Assert.Equal(0, heap.GetStatistics().Guard.QuarantinedBlocks);
        heap.Verify();
    }

    [Theory]
    [InlineData(nameof(OsCall.InstallGuard))]
    [InlineData(nameof(OsCall.RemoveGuard))]
    [InlineData(nameof(OsCall.ReserveArena))]
    [InlineData(nameof(OsCall.MapArena))]
    [InlineData(nameof(OsCall.ExtendArena))]
    [InlineData(nameof(OsCall.AllocateMetadata))]
    public void Any_call_that_is_refused_leaves_the_heap_sound(string refused)
    {
        using NativeHeap heap = Guarded(budget: 100_000);
        UseAndVerify(heap);
        heap.Core.Os.FailAll(Enum.Parse<OsCall>(refused));
        UseAndVerify(heap);
        heap.Core.Os.FailAll((OsCall)(-1));
        UseAndVerify(heap);
    }

    private static void RefuseProtection(NativeHeap heap)
    {
        // The first call says that there are no markers; the second kind is refused for good.
        heap.Core.Os.FailAll(OsCall.InstallGuard);
        heap.Free(heap.Alloc(1));
        heap.Core.Guard!.RetireFor(1);
        heap.Core.Os.FailAll(OsCall.Fault);
    }

    private static void UseAndVerify(NativeHeap heap)
    {
        List<nint> blocks = [];
        foreach (int byteCount in (int[])[0, 1, 100, 5000, 40_000, 1 << 20])
        {
            byte* block = (byte*)heap.AllocZeroed((nuint)byteCount);
            Assert.Equal(-1, new System.Span<byte>(block, byteCount).IndexOfAnyExcept((byte)0));
            new System.Span<byte>(block, byteCount).Fill(1);
            blocks.Add((nint)block);
        }

        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    private static NativeHeap Guarded(nuint budget = 0) =>
        new(new NativeHeapOptions { Guard = { Mode = GuardMode.All, BudgetBytes = budget }, ScavengeDelay = Timeout.InfiniteTimeSpan });
}
