using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Free pages are given back to the system while other threads allocate: taken out, discarded, put back.</summary>
[Trait("Category", "Protocol")]
public sealed class ScavengingTests(ITestOutputHelper output)
{
    [Fact]
    public void M06_Pages_are_a_block_s_or_the_scavenger_s_and_are_zero_where_they_are_said_to_be() =>
        Exploration.RunAllAndSeeds(() => Make(static world => world.Heap.Trim()), output, preemptions: 1);

    [Fact]
    public void M06_Pages_that_are_discarded_without_being_taken_out_lose_a_block() =>
        Exploration.RequireFound(
            () => Make(static world => MutantScavenger.DiscardWithoutTaking(world.Core)), output, preemptions: 2, "does not hold what was written");

    [Fact]
    public void M06_Pages_that_are_put_back_as_zero_although_they_were_allocated_meanwhile_are_found() =>
        Exploration.RequireFound(() => Make(static world => MutantScavenger.TakeAfterDiscard(world.Core)), output, preemptions: 2, "is not zero");

    private static Scenario Make(Action<ManualWorld> scavenge)
    {
        ManualWorld world = new();
        world.OnThreadThatDies(() => world.Free(world.AllocateMany(2, ManualWorld.Large)));
        return new Scenario(
            world,
            new("scavenges", () => scavenge(world)),
            new("allocates and frees", () => world.Free(world.AllocateZeroed(ManualWorld.Large))),
            new("allocates", () => world.AllocateZeroed(ManualWorld.Large)))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };
    }
}
