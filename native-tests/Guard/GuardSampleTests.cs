using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Guard;

/// <summary>A heap that guards a sample guards as many as it says, whatever the program does.</summary>
public sealed unsafe class GuardSampleTests(ITestOutputHelper output)
{
    private const int Rate = 50;
    private const int Allocations = 100_000;

    // 0.01 % of right samplers are farther off than so many deviations.
    private const double Deviations = 3.9;

    public static TheoryData<string> Patterns => [nameof(Pair), nameof(Lifo), nameof(Scattered), nameof(Large), nameof(Aligned), nameof(Growing)];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void As_many_are_guarded_as_the_rate_says(string pattern)
    {
        using NativeHeap heap = Sampled();
        long made = Run(heap, pattern);
        AssertRate(heap, made, pattern);
    }

    [Fact]
    public void Fast_paths_count_where_the_process_says_so()
    {
        ChildProgram.Result child = ChildProgram.Run(CountOnFastPaths, ("SPANHEAP_GUARD", "Sampled"), ("SPANHEAP_GUARD_RATE", "50"));

        output.WriteLine(child.Output + child.Error);
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    public void Every_way_to_a_block_of_the_shared_heap_counts_where_the_process_says_so()
    {
        ChildProgram.Result child = ChildProgram.Run(
            CountOnEveryWay, ("SPANHEAP_GUARD", "Sampled"), ("SPANHEAP_GUARD_RATE", "50"), ("SPANHEAP_GUARD_BUDGET", "64M"));

        output.WriteLine(child.Output + child.Error);
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    public void A_guarded_block_that_has_grown_ends_where_the_program_thinks_that_it_does()
    {
        using NativeHeap heap = Sampled();
        int found = 0;
        for (int i = 0; i < 2000; i++)
        {
            void* block = heap.Realloc(heap.Alloc(5000), 6000);
            if (heap.Core.Guard!.TryFind((nint)block, out SpanHeap.Guard.Records.GuardRecord record))
            {
                Assert.Equal((nuint)6000, record.ByteCount);
                found++;
            }

            heap.Free(block);
        }

        Assert.InRange(found, 1, 2000);
    }

    [Fact]
    public void A_sample_stays_within_its_budget_and_a_quarter_of_the_heap()
    {
        using NativeHeap heap = Sampled(budget: 64 << 10);
        nint[] blocks = StressHeap.AllocateMany(heap, 5000, 100);

        HeapStatistics statistics = heap.GetStatistics();
        GuardStatistics guard = statistics.Guard;
        Assert.InRange(guard.LiveBlocks, 8, 8 + ((statistics.PagesInUse - guard.Pages) / 4));
        Assert.InRange(guard.Skipped, 1, 5000);
        Assert.Equal(guard.LiveBlocks, heap.Core.Guard!.SamplePages);
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Blocks_that_live_on_keep_no_later_ones_out()
    {
        using NativeHeap heap = Sampled(rate: 100, budget: 1 << 20);
        List<nint> kept = [];
        for (int i = 0; i < 200_000; i++)
        {
            void* block = heap.Alloc(200);
            if (i % 10 == 0)
            {
                kept.Add((nint)block);
            }
            else
            {
                heap.Free(block);
            }
        }

        // More live than the budget has pages.
        Assert.InRange(heap.GetStatistics().Guard.LiveBlocks, 129, kept.Count);
        AssertRate(heap, 200_000, "a tenth stays", rate: 100);
        Assert.Equal(heap.GetStatistics().Guard.LiveBlocks, heap.FindLiveBlocks().Sum(static group => group.Blocks));
        StressHeap.FreeAll(heap, [.. kept]);
        Assert.Equal((0, 0), (heap.Core.Guard!.SamplePages, heap.Core.Limit.GuardedBytes));
        heap.Verify();
    }

    [Theory]
    [InlineData(2 << 20, 200)]
    [InlineData(70 << 20, 20)]
    public void Blocks_larger_than_the_budget_are_sampled(int byteCount, int count)
    {
        using NativeHeap heap = Sampled(rate: 4, budget: 1 << 20);
        nint[] blocks = new nint[count];
        for (int i = 0; i < count; i++)
        {
            // They are never touched: they take addresses and no memory.
            blocks[i] = (nint)heap.Alloc((nuint)byteCount);
        }

        AssertRate(heap, count, "large blocks", rate: 4);
        GuardStatistics guard = heap.GetStatistics().Guard;
        Assert.Equal(guard.LiveBlocks, heap.FindLiveBlocks().Sum(static group => group.Blocks));
        Assert.InRange(heap.Core.Guard!.SamplePages, guard.LiveBlocks, guard.LiveBlocks * 2);

        // They count towards a limit as they would without guards.
        Assert.Equal(guard.LiveBlocks * byteCount, heap.Core.Limit.GuardedBytes);
        StressHeap.FreeAll(heap, blocks);
        Assert.Equal((0, 0), (heap.Core.Guard.SamplePages, heap.Core.Limit.GuardedBytes));
        Assert.InRange(heap.GetStatistics().Guard.QuarantinedBlocks, 0, 1);
        heap.Verify();
    }

    [Fact]
    public void Large_traced_blocks_are_sampled_and_give_their_room_back_when_they_die()
    {
        using TracedHeap heap = new(new TracedHeapOptions
        {
            Guard = { Mode = GuardMode.Sampled, Rate = 2, BudgetBytes = 1 << 20 },
            ManualOnly = true,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
        });
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 20; i++)
            {
                scope.NewValues<byte>(2 << 20);
            }
        }

        Assert.Equal(0, heap.Native.GetStatistics().Guard.Skipped);
        Assert.InRange(heap.Core.Guard!.SamplePages, 1, 20);
        Assert.InRange(heap.Core.Limit.GuardedBytes, 2 << 20, 40 << 20);
        heap.Collect();
        heap.FinishSweeping();
        Assert.Equal((0, 0), (heap.Core.Guard.SamplePages, heap.Core.Limit.GuardedBytes));
        Assert.InRange(heap.Native.GetStatistics().Guard.QuarantinedBlocks, 1, 20);
        heap.Verify();
    }

    private static void CountOnFastPaths()
    {
        foreach (string pattern in (string[])[nameof(Pair), nameof(Lifo), nameof(Scattered), nameof(Aligned)])
        {
            using NativeHeap heap = new(new NativeHeapOptions { ScavengeDelay = Timeout.InfiniteTimeSpan, Guard = { BudgetBytes = 64 << 20 } });
            long made = Run(heap, pattern);
            AssertRate(heap, made, pattern);
        }
    }

    private static void CountOnEveryWay()
    {
        NativeHeap heap = NativeHeap.Shared;
        foreach ((string way, Func<nuint, nint> allocate) in Ways)
        {
            foreach (nuint byteCount in (nuint[])[48, 20_000, 100_000, 300_000])
            {
                long before = heap.GetStatistics().Guard.Guarded;
                for (int i = 0; i < Allocations / 40; i++)
                {
                    SpanMemory.Free((void*)allocate(byteCount));
                }

                AssertRate(heap, Allocations / 40, $"{way} of {byteCount} bytes", before);
            }
        }
    }

    private static (string Name, Func<nuint, nint> Allocate)[] Ways =>
    [
        ("SpanMemory.Alloc", static byteCount => (nint)SpanMemory.Alloc(byteCount)),
        ("SpanMemory.AllocZeroed", static byteCount => (nint)SpanMemory.AllocZeroed(byteCount)),
        ("SpanMemory.AlignedAlloc", static byteCount => (nint)SpanMemory.AlignedAlloc(byteCount, 64)),
        ("SpanMemory.Realloc of null", static byteCount => (nint)SpanMemory.Realloc(null, byteCount)),
        ("NativeHeap.Alloc", static byteCount => (nint)NativeHeap.Shared.Alloc(byteCount)),
        ("LocalHeap.Alloc", static byteCount => (nint)NativeHeap.Shared.GetLocal().Alloc(byteCount)),
        ("LocalHeap.AllocZeroed", static byteCount => (nint)NativeHeap.Shared.GetLocal().AllocZeroed(byteCount)),
        ("LocalHeap.AlignedAlloc", static byteCount => (nint)NativeHeap.Shared.GetLocal().AlignedAlloc(byteCount, 64)),
    ];

    private static void AssertRate(NativeHeap heap, long made, string pattern, long before = 0, int rate = Rate)
    {
        GuardStatistics guard = heap.GetStatistics().Guard;
        double expected = (double)made / rate;
        double deviation = Math.Sqrt(made * (1.0 / rate) * (1 - (1.0 / rate)));
        long guarded = guard.Guarded - before;
        Assert.Equal((0, 0), (guard.Skipped, guard.Degraded));
        Assert.True(
            Math.Abs(guarded - expected) <= Deviations * deviation,
            $"{pattern}: {guarded} of {made} blocks were guarded, {expected:f0} expected, give or take {Deviations * deviation:f0}.");
        heap.Verify();
    }

    private static long Run(NativeHeap heap, string pattern) => pattern switch
    {
        nameof(Pair) => Pair(heap),
        nameof(Lifo) => Lifo(heap),
        nameof(Scattered) => Scattered(heap),
        nameof(Large) => Large(heap),
        nameof(Aligned) => Aligned(heap),
        _ => Growing(heap),
    };

    private static long Pair(NativeHeap heap)
    {
        for (int i = 0; i < Allocations; i++)
        {
            heap.Free(heap.Alloc(32));
        }

        return Allocations;
    }

    private static long Lifo(NativeHeap heap)
    {
        nint* stack = stackalloc nint[100];
        for (int i = 0; i < Allocations; i += 100)
        {
            for (int depth = 0; depth < 100; depth++)
            {
                stack[depth] = (nint)heap.Alloc(48);
            }

            for (int depth = 99; depth >= 0; depth--)
            {
                heap.Free((void*)stack[depth]);
            }
        }

        return Allocations;
    }

    private static long Scattered(NativeHeap heap)
    {
        Random random = new(20_251_125);
        nint[] live = new nint[500];
        for (int i = 0; i < Allocations; i++)
        {
            int place = random.Next(live.Length);
            heap.Free((void*)live[place]);
            live[place] = (nint)heap.Alloc((nuint)random.Next(1, 2000));
        }

        StressHeap.FreeAll(heap, live);
        return Allocations;
    }

    private static long Large(NativeHeap heap)
    {
        for (int i = 0; i < Allocations / 10; i++)
        {
            heap.Free(heap.Alloc(50_000));
        }

        return Allocations / 10;
    }

    private static long Aligned(NativeHeap heap)
    {
        for (int i = 0; i < Allocations; i++)
        {
            heap.AlignedFree(heap.AlignedAlloc(100, 64));
        }

        return Allocations;
    }

    private static long Growing(NativeHeap heap)
    {
        for (int i = 0; i < Allocations / 2; i++)
        {
            void* block = heap.AllocZeroed(16);
            heap.Free(heap.Realloc(block, 500));
        }

        return Allocations;
    }

    private static NativeHeap Sampled(nuint budget = 64 << 20, int rate = Rate) => new(new NativeHeapOptions
    {
        Guard = { Mode = GuardMode.Sampled, Rate = rate, BudgetBytes = budget },
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });
}
