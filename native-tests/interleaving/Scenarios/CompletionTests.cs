using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Traced.Sweeping;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>
/// When sweeping is done. That it is never said to be before the last span is swept and published, nor taken back, is looked at after
/// each step (<see cref="TracedWorld.CheckSpans"/>).
/// </summary>
[Trait("Category", "Protocol")]
public sealed class CompletionTests(ITestOutputHelper output)
{
    [Fact]
    public void S02_Sweeping_is_done_when_the_last_sweeper_has_ended()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 6, kept: 1);
            world.MakeLarge(count: 1, kept: 0);
            world.Mark();
            return new Scenario(world, new("first", () => SweepAll(world, SweepReason.Background)), new("second", () => SweepAll(world, SweepReason.Allocation)))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.True(world.Sweeper.IsDone);
                    Assert.Equal((5, 1), (world.Parts.Statistics.SmallBlocksFreed, world.Parts.Statistics.LargeBlocksFreed));
                    world.AssertLeft(small: 1, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    [Fact]
    public void S02_A_thread_that_waits_for_the_end_goes_on_when_all_is_swept()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 6, kept: 1);
            world.Mark();
            uint generation = world.Sweeper.Generation;
            return new Scenario(
                world,
                new("sweeps", () => SweepAll(world, SweepReason.Background)),
                new("waits", () =>
                {
                    world.Heap.FinishSweeping();
                    Assert.True(world.Sweeper.IsDone);
                    Assert.Equal(generation, world.Sweeper.Generation);
                    Assert.Equal(5, world.Parts.Statistics.SmallBlocksFreed);
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 1, large: 0),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    [Fact]
    public void S03_Sweeping_is_not_done_before_all_stale_caches_have_given_back_what_they_had()
    {
        static Scenario Make()
        {
            // The caller's cache is stale and sleeps through all of it.
            TracedWorld world = new();
            world.MakeNodes(count: 40, kept: 2);
            world.Mark(keepCaches: true);
            Assert.False(world.Sweeper.IsDone);
            return new Scenario(
                world,
                new("sweeps", () =>
                {
                    SweepAll(world, SweepReason.Background);
                    Assert.False(world.Sweeper.IsDone && world.Parts.Statistics.SpansSweptBy(SweepReason.Flush) == 0);
                }),
                new("finishes", () =>
                {
                    world.Heap.FinishSweeping();
                    Assert.True(world.Sweeper.IsDone);
                    Assert.Equal(1, world.Parts.Statistics.SpansSweptBy(SweepReason.Flush));
                    Assert.Equal(38, world.Parts.Statistics.SmallBlocksFreed);
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 2, large: 0),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 3);
    }

    [Fact]
    public void S03_A_stale_cache_is_flushed_once_by_its_thread_or_by_the_one_that_finishes()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeNodes(count: 40, kept: 1);
            return new Scenario(
                world,
                new("enters again", () =>
                {
                    world.MakeNodes(count: 10, kept: 1);
                    world.MakeNodes(count: 10, kept: 1);
                }),
                new("collects", () =>
                {
                    world.Parts.Pacer.RequestCycle();
                    world.MakeNodes(count: 10, kept: 1);
                    world.Heap.FinishSweeping();
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal(1, world.Parts.Collector.Cycles);
                    world.AssertLeft(small: 4, large: 0);
                    Assert.Equal(66, world.Parts.Statistics.SmallBlocksFreed);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void S22_The_background_sweeper_alone_ends_every_cycle_and_misses_none()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 5, kept: 1);
            return new Scenario(
                world,
                new ScenarioThread("collects", () =>
                {
                    world.Heap.Collect();
                    world.MakeMedium(count: 1, kept: 0);
                    world.Heap.Collect();
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.True(world.Sweeper.IsDone);
                    Assert.Equal(5, world.Parts.Statistics.SmallBlocksFreed);
                    world.AssertLeft(small: 1, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    [Fact]
    public void S22_It_ends_too_when_two_collect_at_once()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 5, kept: 1);
            return new Scenario(world, new("first", world.Heap.Collect), new("second", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal(2, world.Parts.Collector.Cycles);
                    Assert.True(world.Sweeper.IsDone);
                    world.AssertLeft(small: 1, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void S22_A_round_that_was_paused_before_it_began_is_made_up_for()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 5, kept: 1);
            return new Scenario(
                world,
                new("collects", world.Heap.Collect),
                new("looks", () =>
                {
                    world.Parts.Collector.Background.Pause();
                    world.Parts.Collector.Background.Resume();
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.True(world.Sweeper.IsDone);
                    world.AssertLeft(small: 1, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    private static void SweepAll(TracedWorld world, SweepReason reason)
    {
        while (world.Sweeper.SweepOne(reason))
        {
        }
    }
}
