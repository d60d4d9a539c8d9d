using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tracing;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Whose a span is: of one list, one sweeper or one cache, or of nobody.</summary>
[Trait("Category", "Protocol")]
public sealed class OwnershipTests(ITestOutputHelper output)
{
    [Fact]
    public void S04_A_span_is_won_once_and_never_while_a_cache_has_it()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 7, kept: 2);
            world.MakeNodes(count: 3, kept: 1);

            // The caller's cache keeps two spans, which nobody else may sweep.
            world.Mark(keepCaches: true, others: 1);
            return new Scenario(
                world,
                ("by pages", () => TryByPages(world)),
                ("by lists", () =>
                {
                    while (world.Sweeper.SweepOne(SweepReason.Background))
                    {
                    }
                }),
                ("for slots", () => world.MakeMedium(count: 3, kept: 1)))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    world.AssertLeft(small: 4, large: 0);
                    Assert.Equal(2, world.Traced.Statistics.SpansSweptBy(SweepReason.Flush));
                    Assert.Equal(9, world.Traced.Statistics.SmallBlocksFreed);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void S09_Records_that_are_used_again_are_whole_whenever_a_page_entry_names_them()
    {
        // Large and small spans change places, so that records and pages get new owners while others sweep.
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeLarge(count: 2, kept: 0);
            world.Mark();
            return new Scenario(
                world,
                ("large", () => world.MakeLarge(count: 2, kept: 1)),
                ("small", () => world.MakeMedium(count: 5, kept: 1)),
                ("sweeps", () => world.Sweeper.SweepOne(SweepReason.Background)))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 1, large: 1),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public unsafe void S09_A_record_that_was_never_a_span_is_nobody_s_to_sweep_in_any_cycle()
    {
        using TracedWorld world = new();
        for (int cycle = 0; cycle < 10; cycle++)
        {
            world.MakeNodes(count: 1, kept: 1);
            world.Mark();
            nint never = world.FirstTraced + (PageGeometry.PageSize * 1000);
            Assert.Equal(0u, ((TracedSpan*)ArenaHeader.SpanAt(never))->SweepGen);
            Assert.False(SweepToken.TryAcquire((TracedSpan*)ArenaHeader.SpanAt(never), world.Sweeper.Generation, out _));
            world.Sweeper.Finish();
        }
    }

    [Fact]
    public void S15_No_sum_is_ever_below_what_it_counts()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeLarge(count: 2, kept: 1);
            world.MakeMedium(count: 3, kept: 1);
            world.Mark();
            return new Scenario(
                world,
                ("makes", () => world.MakeLarge(count: 1, kept: 1)),
                ("frees", () => world.MakeManual(count: 3)),
                ("sweeps", () => world.Heap.FinishSweeping()))
            {
                Always = () =>
                {
                    HeapStatistics now = world.Heap.GetStatistics();
                    Assert.InRange(now.TracedPages, 0, now.PagesInUse);
                    Assert.InRange(now.TracedSpans, 0, now.Spans);
                    Assert.InRange(world.Traced.Statistics.SmallBlocksFreed, 0, 2);
                    Assert.InRange(world.Traced.Statistics.LargeBlocksFreed, 0, 1);
                    Assert.InRange(world.Traced.Statistics.SpansReleased, 0, 2);
                },
                AtEnd = () =>
                {
                    Assert.Equal((2, 1), (world.Traced.Statistics.SmallBlocksFreed, world.Traced.Statistics.LargeBlocksFreed));
                    world.AssertLeft(small: 1, large: 2);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    // Who looks at spans otherwise than by the lists wins none that a cache has, and none that is swept or being swept.
    private static unsafe void TryByPages(TracedWorld world)
    {
        TracedWalk walk = new(world.Heap.Core);
        while (walk.MoveNext())
        {
            InterleavingPoints.At(InterleavingPoint.SpanTakenUnswept);
            bool mayBeWon = SweepGeneration.Of(walk.Current) == SweepGeneration.Unswept(world.Sweeper.Generation);
            Assert.True(mayBeWon || !SweepToken.TryAcquire(walk.Current, world.Sweeper.Generation, out _));
        }

        world.Sweeper.NoteFlushed();
    }
}
