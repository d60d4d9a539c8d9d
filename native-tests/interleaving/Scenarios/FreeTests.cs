using SpanHeap.Os;
using SpanHeap.Sweeping;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Tracing;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Frees by hand while traced spans are swept.</summary>
[Trait("Category", "Protocol")]
public sealed class FreeTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void S25_A_traced_block_is_refused_at_each_step_of_its_sweep_and_is_freed_once(HeapChecks checks)
    {
        Scenario Make()
        {
            TracedWorld world = new(checks);
            nint small;
            nint large;
            using (GcScope scope = world.Heap.Enter())
            {
                small = scope.New<Node>().Address;
                large = scope.NewArray<Node>(10_000).Address;
            }

            world.Mark();
            return new Scenario(
                world,
                ("frees", () =>
                {
                    AssertRefused(world, small);
                    AssertRefused(world, large);
                    InterleavingPoints.At(InterleavingPoint.ScopeLeft);
                    AssertRefused(world, small);
                    AssertRefused(world, large);
                }),
                ("sweeps", () =>
                {
                    while (world.Sweeper.SweepOne(SweepReason.Background))
                    {
                    }
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal((1, 1), (world.Traced.Statistics.SmallBlocksFreed, world.Traced.Statistics.LargeBlocksFreed));
                    world.AssertLeft(small: 0, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 4);
    }

    [Fact]
    public void S25_Pages_freed_by_hand_and_pages_swept_are_counted_once_each()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeLarge(count: 2, kept: 0);
            world.MakeMedium(count: 4, kept: 1);
            world.Mark();
            return new Scenario(
                world,
                ("first by hand", () => world.MakeManual(count: 2)),
                ("second by hand", () => world.MakeManual(count: 2)),
                ("sweeps", world.Heap.FinishSweeping))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    world.AssertLeft(small: 1, large: 0);
                    world.Heap.Trim();
                    Assert.Equal(world.Traced.Spans.PagesInUse, world.Heap.GetStatistics().PagesInUse);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    private static unsafe void AssertRefused(TracedWorld world, nint block)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => world.Heap.Free((void*)block));
        Assert.Equal(block, error.Address);
        Assert.Contains(error.Kind, (MisuseKind?[])[MisuseKind.TracedBlock, MisuseKind.FreePage]);
    }
}
