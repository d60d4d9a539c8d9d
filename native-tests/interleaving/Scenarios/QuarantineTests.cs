using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Spans that full checks keep back, while others sweep, refill, and give their pages back.</summary>
[Trait("Category", "Protocol")]
public sealed class QuarantineTests(ITestOutputHelper output)
{
    [Fact]
    public void S13_A_span_that_is_kept_back_is_swept_released_or_refilled_from_by_one() =>
        Exploration.RunAllAndSeeds(MakeSweeping, output, preemptions: 1);

    [Fact]
    public void S13_No_span_goes_while_a_thread_walks_over_all() =>
        Exploration.RunAllAndSeeds(MakeWalking, output, preemptions: 2);

    private static Scenario MakeSweeping()
    {
        TracedWorld world = new(HeapChecks.Full);
        world.MakeMedium(count: 3, kept: 1);
        world.MakeLarge(count: 1, kept: 0);
        Sweep(world);
        world.MakeMedium(count: 2, kept: 0);
        world.Mark();
        return new Scenario(
            world,
            new("sweeps", () =>
            {
                while (world.Sweeper.SweepOne(SweepReason.Background))
                {
                }
            }),
            new("gives back", () => ReleaseAll(world)),
            new("allocates", () => world.MakeMedium(count: 1, kept: 1)))
        {
            AtEnd = () => world.AssertLeft(2, 0),
        };
    }

    private static Scenario MakeWalking()
    {
        TracedWorld world = new(HeapChecks.Full);
        world.MakeLarge(count: 3, kept: 0);
        Sweep(world);
        return new Scenario(
            world,
            new("gives back", () => ReleaseAll(world)),
            new("walks", () =>
            {
                DeadSpanQuarantine quarantine = world.Parts.Quarantine!;
                quarantine.Freeze();
                int before = CountSpans(world);
                InterleavingPoints.At(InterleavingPoint.MarkingBegins);
                Assert.Equal((before, before), (CountSpans(world), (int)world.Parts.Spans.Count));
                quarantine.Thaw();
            }))
        {
            AtEnd = () => world.AssertLeft(0, 0),
        };
    }

    private static void ReleaseAll(TracedWorld world)
    {
        while (world.Parts.Quarantine!.ReleaseOldest(long.MaxValue))
        {
        }
    }

    private static int CountSpans(TracedWorld world)
    {
        int count = 0;
        for (TracedWalk walk = new(world.Heap.Core.Pages); walk.MoveNext(); count++)
        {
        }

        return count;
    }

    // Without the threads that would work in the background.
    private static void Sweep(TracedWorld world)
    {
        world.Mark();
        world.Sweeper.Finish();
    }
}
