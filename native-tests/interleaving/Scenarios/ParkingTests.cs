using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Blocks that are parked below the base of a stack are drained while its thread pushes, pops and slides the base.</summary>
[Trait("Category", "Protocol")]
public sealed unsafe class ParkingTests(ITestOutputHelper output)
{
    private static readonly uint s_class = SizeClasses.Of(ManualWorld.Medium);

    [Fact]
    public void M12_A_parked_block_is_drained_or_taken_back_and_never_both() =>
        Exploration.RunAllAndSeeds(() => Make(static (world, owner) => world.Core.Caches.DrainBins((ThreadCache*)owner, idleOnly: false)), output, preemptions: 2);

    [Fact]
    public void M12_Blocks_that_were_looked_for_before_the_lock_are_found_twice() =>
        Exploration.RequireFound(
            () => Make(static (world, owner) => MutantParking.DrainWhatWasSeenBefore(world.Core, (ThreadCache*)owner, s_class)),
            output,
            preemptions: 2,
            "was given out twice",
            "The metadata is inconsistent",
            "A block came back that was not out.",
            "No more blocks come back than are out.");

    [Fact]
    public void M12_A_drain_that_goes_past_the_base_is_found() =>
        Exploration.RequireFound(
            () => Make(static (world, owner) => MutantParking.DrainPastTheBase(world.Core, (ThreadCache*)owner, s_class)),
            output,
            preemptions: 1,
            "was given out twice",
            "The metadata is inconsistent",
            "A block came back that was not out.",
            "No more blocks come back than are out.");

    private static Scenario Make(Action<ManualWorld, nint> drain)
    {
        ManualWorld world = new();
        nint owner = 0;
        return new Scenario(
            world,
            new("owner", () =>
            {
                nint[] blocks = world.AllocateMany(12);
                ThreadCache* cache = world.Core.FindOwnCache();
                ClassStack* stack = ThreadCache.Stack(cache, s_class);
                int freed = 0;
                while (stack->Parked == 0)
                {
                    world.Free(blocks[freed++]);
                }

                owner = (nint)cache;
                InterleavingPoints.At(InterleavingPoint.StackRead);

                // As many as were parked, and then as many as were drained.
                world.AllocateMany(stack->Count + 1);
                world.Free(blocks[freed]);
                world.AllocateMany(freed + 2);
            }),
            new("drains", () =>
            {
                InterleavingPoints.Await(InterleavingPoint.StackRead, () => owner != 0);
                drain(world, owner);
            }))
        {
            StepsThroughFastPaths = true,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }
}
