using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>What a span belongs to: one list, one sweeper, one cache, or nothing.</summary>
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

            // The caller's cache keeps two spans, which no other thread may sweep.
            world.Mark(keepCaches: true, others: 1);
            return new Scenario(
                world,
                new("by pages", () => TryByPages(world)),
                new("by lists", () =>
                {
                    while (world.Sweeper.SweepOne(SweepReason.Background))
                    {
                    }
                }),
                new("for slots", () => world.MakeMedium(count: 3, kept: 1)))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    world.AssertLeft(small: 4, large: 0);
                    Assert.Equal(2, world.Parts.Statistics.SpansSweptBy(SweepReason.Flush));
                    Assert.Equal(9, world.Parts.Statistics.SmallBlocksFreed);
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
                new("large", () => world.MakeLarge(count: 2, kept: 1)),
                new("small", () => world.MakeMedium(count: 5, kept: 1)),
                new("sweeps", () => world.Sweeper.SweepOne(SweepReason.Background)))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 1, large: 1),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public unsafe void S09_A_record_that_was_never_a_span_is_swept_by_no_thread_in_any_cycle()
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
                new("makes", () => world.MakeLarge(count: 1, kept: 1)),
                new("frees", () => world.MakeManual(count: 3)),
                new("sweeps", () => world.Heap.FinishSweeping()))
            {
                Always = () =>
                {
                    HeapStatistics now = world.Heap.Native.GetStatistics();
                    Assert.InRange(now.TracedPages, 0, now.PagesInUse);
                    Assert.InRange(now.TracedSpans, 0, now.Spans);
                    Assert.InRange(world.Parts.Statistics.SmallBlocksFreed, 0, 2);
                    Assert.InRange(world.Parts.Statistics.LargeBlocksFreed, 0, 1);
                    Assert.InRange(world.Parts.Statistics.SpansReleased, 0, 2);
                },
                AtEnd = () =>
                {
                    Assert.Equal((2, 1), (world.Parts.Statistics.SmallBlocksFreed, world.Parts.Statistics.LargeBlocksFreed));
                    world.AssertLeft(small: 1, large: 2);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    // A thread that finds spans otherwise than by the lists wins none that a cache has, and none that is swept or being swept.
    private static unsafe void TryByPages(TracedWorld world)
    {
        TracedWalk walk = new(world.Heap.Core.Pages);
        while (walk.MoveNext())
        {
            InterleavingPoints.At(InterleavingPoint.SpanTakenUnswept);
            bool mayBeWon = SweepGeneration.Of(walk.Current) == SweepGeneration.Unswept(world.Sweeper.Generation);
            Assert.True(mayBeWon || !SweepToken.TryAcquire(walk.Current, world.Sweeper.Generation, out _));
        }

        world.Sweeper.NoteFlushed();
    }
}
