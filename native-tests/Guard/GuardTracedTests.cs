using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Guard;

/// <summary>Guarded blocks of traced memory: all of a heap's, or a sample.</summary>
public sealed unsafe class GuardTracedTests
{
    private const int Rate = 50;

    // 0.01 % of right samplers are farther off than so many deviations.
    private const double Deviations = 3.9;

    [Theory]
    [InlineData(GuardMode.All, 1)]
    [InlineData(GuardMode.Sampled, 1)]
    [InlineData(GuardMode.Sampled, 3)]
    public void A_guarded_block_that_has_died_does_not_serve_again_when_an_allocation_sweeps_it(GuardMode mode, int rate)
    {
        using TracedHeap heap = Traced(mode, rate);
        HashSet<nint> guarded = [.. Allocate(heap, 300).Where(block => IsGuarded(heap, block))];
        Assert.InRange(guarded.Count, 1, 300);
        heap.Collect();

        // What comes next sweeps for slots itself.
        Assert.DoesNotContain(Allocate(heap, 300), guarded.Contains);
        heap.FinishSweeping();
        Assert.InRange(heap.Native.GetStatistics().Guard.QuarantinedBlocks, guarded.Count, 300);
        heap.Verify();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(Rate)]
    public void As_many_of_a_sample_are_in_quarantine_once_they_are_swept_as_the_rate_says(int rate)
    {
        using TracedHeap heap = Traced(GuardMode.Sampled, rate);
        long made = 0;
        while (made < 200L * rate)
        {
            using TracedScope scope = heap.Enter();
            for (int i = 0; i < 50; i++)
            {
                scope.New<Node>();
                scope.NewValues<byte>(100 + (i % 7));
                made += 2;
            }

            scope.NewValues<byte>(40_000);
            made++;
        }

        heap.Verify();
        heap.Collect();
        heap.FinishSweeping();
        heap.Verify();
        Assert.Equal((0, 0), (heap.Native.GetStatistics().Guard.Retired, heap.Native.GetStatistics().Guard.Skipped));
        AssertRate(heap.Native.GetStatistics().Guard.QuarantinedBlocks, made, rate);
    }

    [Fact]
    public void Each_block_has_the_same_chance_whatever_its_kind_and_place()
    {
        using TracedHeap heap = Traced(GuardMode.Sampled, Rate);
        long[] guarded = new long[3];
        for (int round = 0; round < 20; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                // The scope keeps nothing: what is counted is counted at once.
                for (int i = 0; i < 1000; i++)
                {
                    guarded[0] += IsGuarded(heap, scope.New<Node>().Address) ? 1 : 0;
                    guarded[1] += IsGuarded(heap, scope.NewValues<byte>(3000).Address) ? 1 : 0;
                    guarded[2] += IsGuarded(heap, scope.NewValues<byte>(16).Address) ? 1 : 0;
                }
            }

            heap.Collect();
        }

        Assert.All(guarded, count => AssertRate(count, 20_000, Rate));
        heap.FinishSweeping();
        heap.Verify();
    }

    [Fact]
    public void Live_blocks_of_a_sample_stay_within_its_budget_and_a_quarter_of_the_heap_and_others_go_unguarded()
    {
        using TracedHeap heap = Traced(GuardMode.Sampled, rate: 1, budget: 64 << 10);
        using (TracedScope scope = heap.Enter())
        {
            int guarded = 0;
            for (int i = 0; i < 1000; i++)
            {
                guarded += IsGuarded(heap, scope.New<Node>().Address) ? 1 : 0;
                guarded += IsGuarded(heap, scope.NewValues<byte>(100_000 * (i % 2)).Address) ? 1 : 0;
            }

            long others = heap.Native.GetStatistics().PagesInUse - heap.Core.Limit.GuardedPages;
            Assert.Equal(guarded, heap.Core.Guard!.SamplePages);
            Assert.InRange(guarded, 8, 8 + (others / 4));
        }

        heap.Verify();
        heap.Collect();
        heap.FinishSweeping();
        GuardStatistics guard = heap.Native.GetStatistics().Guard;

        // The large one that died last stays, whatever it takes.
        Assert.InRange(guard.QuarantinedBytes, 1, (64 << 10) + 106_496);
        Assert.InRange(guard.Skipped, 1, 2000);
        heap.Verify();
    }

    [Fact]
    public void A_pointer_to_a_swept_block_is_one_to_traced_memory_wherever_it_points()
    {
        using TracedHeap heap = Traced(GuardMode.All, 1);
        nint block = Allocate(heap, 1)[0];
        heap.Collect();
        heap.FinishSweeping();
        foreach (int offset in (int[])[0, 8])
        {
            HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => heap.Native.Free((void*)(block + offset)));
            Assert.Equal(MisuseKind.TracedBlock, error.Kind);
            Assert.Contains("swept by thread", error.Message, StringComparison.Ordinal);
        }
    }

    private static List<nint> Allocate(TracedHeap heap, int count)
    {
        List<nint> blocks = [];
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < count; i++)
        {
            blocks.Add(scope.New<Node>().Address);
        }

        return blocks;
    }

    private static bool IsGuarded(TracedHeap heap, nint block) =>
        TracedLookup.TryFind(block, heap.Parts.Serial, out TracedSpan* span, out _) && span->IsGuarded;

    private static void AssertRate(long guarded, long made, int rate)
    {
        double expected = (double)made / rate;
        double deviation = Math.Sqrt(made * (1.0 / rate) * (1 - (1.0 / rate)));
        Assert.InRange(guarded, expected - (Deviations * deviation), expected + (Deviations * deviation));
    }

    private static TracedHeap Traced(GuardMode mode, int rate, nuint budget = 64 << 20) => new(new TracedHeapOptions
    {
        Guard = { Mode = mode, Rate = rate, BudgetBytes = budget },
        ManualOnly = true,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });
}
