using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Sweeping;
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
            using (TracedScope scope = world.Heap.Enter())
            {
                small = scope.New<Node>().Address;
                large = scope.NewArray<Node>(10_000).Address;
            }

            world.Mark();
            return new Scenario(
                world,
                new("frees", () =>
                {
                    AssertRefused(world, small);
                    AssertRefused(world, large);
                    InterleavingPoints.At(InterleavingPoint.ScopeLeft);
                    AssertRefused(world, small);
                    AssertRefused(world, large);
                }),
                new("sweeps", () =>
                {
                    while (world.Sweeper.SweepOne(SweepReason.Background))
                    {
                    }
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal((1, 1), (world.Parts.Statistics.SmallBlocksFreed, world.Parts.Statistics.LargeBlocksFreed));
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
            void ByHand() => world.MakeManual(count: 2);
            return new Scenario(
                world,
                new("first by hand", ByHand),
                new("second by hand", ByHand),
                new("sweeps", world.Heap.FinishSweeping))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    world.AssertLeft(small: 1, large: 0);
                    world.Heap.Trim();
                    Assert.Equal(world.Parts.Spans.PagesInUse, world.Heap.Native.GetStatistics().PagesInUse);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    private static unsafe void AssertRefused(TracedWorld world, nint block)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => world.Heap.Native.Free((void*)block));
        Assert.Equal(block, error.Address);
        Assert.Contains(error.Kind, (MisuseKind?[])[MisuseKind.TracedBlock, MisuseKind.FreePage]);
    }
}
