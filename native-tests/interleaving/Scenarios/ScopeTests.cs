using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Scopes and collections: what is kept stays and the rest goes, whichever thread comes first.</summary>
[Trait("Category", "Protocol")]
public sealed class ScopeTests(ITestOutputHelper output)
{
    [Fact]
    public void What_is_kept_stays_and_the_rest_goes_whenever_the_collection_comes()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            void Keep() => KeepPair(world);
            return new Scenario(
                world,
                new("first", Keep),
                new("second", Keep),
                new("collects", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () => AssertPairs(world, pairs: 2),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_scope_that_yields_lets_a_collection_pass_and_finds_what_it_kept()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            return new Scenario(
                world,
                new("yields", () =>
                {
                    TracedScope scope = world.Heap.Enter();
                    TracedHandle<Node> kept = scope.Keep(scope.New<Node>());
                    scope.Yield();
                    kept.Get(scope).Value.Left.Set(scope, scope.New<Node>());
                    scope.Yield();
                    Assert.False(kept.Get(scope).Value.Left.IsNull);
                    scope.Dispose();
                }),
                new("collects", () =>
                {
                    world.Heap.Collect();
                    world.Heap.Collect();
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 2, large: 0),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_collector_without_patience_opens_the_gate_again_and_comes_back()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            return new Scenario(world, new("enters", () => KeepPair(world)), new("collects", world.Heap.Collect))
            {
                IsPatient = false,
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal(1, world.Parts.Collector.Cycles);
                    AssertPairs(world, pairs: 1);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_thread_that_dies_in_its_scope_holds_up_no_other_and_the_one_that_adopts_its_cache_begins_anew()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            return new Scenario(
                world,
                new("dies", () =>
                {
                    TracedScope scope = world.Heap.Enter();
                    scope.New<Node>();
                    TracedHandle<Node> kept = scope.Keep(scope.New<Node>());
                    kept.Get(scope).Value.Left.Set(scope, scope.New<Node>());
                }),
                new("adopts", () => KeepPair(world)),
                new("collects", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () => AssertPairs(world, pairs: 2),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void S23_Two_threads_that_find_no_root_slot_both_get_one_of_their_own()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            void Keep() => KeepPair(world);
            return new Scenario(world, new("first", Keep), new("second", Keep))
            {
                AtEnd = () =>
                {
                    Assert.Equal(2, world.Parts.Roots.Count);
                    AssertPairs(world, pairs: 2);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 3);
    }

    // In one scope a pair that is kept, and a block that is not; in the next what is kept is looked at.
    private static void KeepPair(TracedWorld world)
    {
        TracedHandle<Node> kept;
        using (TracedScope scope = world.Heap.Enter())
        {
            scope.New<Node>().Value.Value = -1;
            TracedRef<Node> parent = scope.New<Node>();
            TracedRef<Node> child = scope.New<Node>();
            child.Value.Value = 7;
            parent.Value.Right.Set(scope, child);
            kept = scope.Keep(parent);
        }

        using (TracedScope scope = world.Heap.Enter())
        {
            Assert.Equal(7, kept.Get(scope).Value.Right.Get(scope).Value.Value);
        }
    }

    private static void AssertPairs(TracedWorld world, int pairs)
    {
        world.AssertLeft(small: 2 * pairs, large: 0);
        Assert.Equal(pairs, world.Parts.Statistics.SmallBlocksFreed);
    }
}
