using SpanHeap.Spans;
using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>The memory under free slots is given back while their span changes hands: taken, discarded, returned to the owner of by then.</summary>
[Trait("Category", "Protocol")]
public sealed class HollowingTests(ITestOutputHelper output)
{
    [Fact]
    public void M05_Slots_go_back_to_the_owner_of_by_then_and_no_block_in_use_loses_its_memory() =>
        Exploration.RunAllAndSeeds(() => Make(static world => world.Heap.Trim()), output, preemptions: 1);

    [Fact]
    public void M05_Slots_that_go_back_to_the_owner_they_had_before_are_found() =>
        Exploration.RequireFound(
            () => Make(static world => MutantHollowing.ReturnToFormerOwner(world.Core, SizeClasses.Of(ManualWorld.Medium))),
            output,
            preemptions: 2,
            "The metadata is inconsistent",
            "The block",
            "No more slots come back than were taken.");

    // Spans of the central cache, half free: the first block that is freed lists its span again, which an allocating thread then takes.
    private static Scenario Make(Action<ManualWorld> hollow)
    {
        ManualWorld world = new();
        nint[] blocks = [];
        world.OnThreadThatDies(() =>
        {
            blocks = world.AllocateMany(8);
            world.Free([blocks[1], blocks[3], blocks[5], blocks[7]]);
        });

        // To the central cache, memory and all.
        world.Drain();
        return new Scenario(
            world,
            new("hollows", () => hollow(world)),
            new("frees", () =>
            {
                world.Free([blocks[0], blocks[4]]);
                world.Flush();
            }),
            new("allocates", () => world.AllocateMany(3)))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };
    }
}
