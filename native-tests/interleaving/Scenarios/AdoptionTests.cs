using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>The cache of a dead thread: of one heir, or of the thread that drains it.</summary>
[Trait("Category", "Protocol")]
public sealed class AdoptionTests(ITestOutputHelper output)
{
    /// <summary>How a dead thread's cache becomes an orphan.</summary>
    public enum Poll
    {
        /// <summary>As shipped.</summary>
        Shipped,

        /// <inheritdoc cref="MutantPoll.WithoutCompareExchange"/>
        WithoutCompareExchange,

        /// <inheritdoc cref="MutantPoll.WithOwnershipOfByThen"/>
        WithOwnershipOfByThen,
    }

    [Fact]
    public void M03_A_dead_thread_s_cache_has_one_heir_whichever_thread_finds_it_dead() =>
        Exploration.RunAllAndSeeds(() => Make(Poll.Shipped), output, preemptions: 2);

    [Theory]
    [InlineData(Poll.WithoutCompareExchange)]
    [InlineData(Poll.WithOwnershipOfByThen)]
    public void M03_A_cache_that_is_taken_from_its_heir_is_found(Poll poll) =>
        Exploration.RequireFound(() => Make(poll), output, preemptions: 2, "A cache belongs to two living threads.", "The cache of a living thread is an orphan.", "No thread owns an orphan.");

    [Fact]
    public void M04_What_a_dead_thread_left_is_drained_or_inherited_and_never_both()
    {
        static Scenario Make()
        {
            ManualWorld world = new();
            world.OnThreadThatDies(() => world.Free(world.AllocateMany(6)[..3]));
            return new Scenario(
                world,
                new("trims", world.Heap.Trim),
                new("first heir", () => world.AsOwner(() => world.AllocateMany(2))),
                new("second heir", () => world.AsOwner(() => world.Free(world.AllocateMany(2)))))
            {
                AtEnd = world.AssertAllCanBeFreed,
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void M04_What_has_been_drained_gives_its_memory_back_or_is_inherited_and_never_both()
    {
        static Scenario Make()
        {
            ManualWorld world = new();
            world.OnThreadThatDies(() => world.Free(world.AllocateMany(4)));
            world.Registry.Poll(int.MaxValue);
            world.Core.Orphans.DrainAll();
            return new Scenario(
                world,
                new("trims", world.Heap.Trim),
                new("trims as well", world.Heap.Trim),
                new("heir", () => world.AsOwner(() => world.Free(world.AllocateMany(2)))))
            {
                AtEnd = world.AssertAllCanBeFreed,
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    private static Scenario Make(Poll poll)
    {
        ManualWorld world = new();
        ManualWorld.DeadThread dead = world.OnThreadThatDies(() => world.Free(world.AllocateMany(4)[..2]));
        void Inherit() => world.AsOwner(() => world.Allocate());
        return new Scenario(
            world,
            new("polls", () =>
            {
                switch (poll)
                {
                    case Poll.Shipped:
                        world.Registry.Poll(int.MaxValue);
                        break;
                    case Poll.WithoutCompareExchange:
                        MutantPoll.WithoutCompareExchange(world.Registry, dead);
                        break;
                    default:
                        MutantPoll.WithOwnershipOfByThen(world.Registry, dead);
                        break;
                }
            }),
            new("first heir", Inherit),
            new("second heir", Inherit))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };
    }
}
