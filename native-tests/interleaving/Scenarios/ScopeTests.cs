using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Tracing;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Scopes and collections: what is kept stays and the rest goes, whoever comes first.</summary>
[Trait("Category", "Protocol")]
public sealed class ScopeTests(ITestOutputHelper output)
{
    [Fact]
    public void What_is_kept_stays_and_the_rest_goes_whenever_the_collection_comes()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            return new Scenario(
                world,
                ("first", () => KeepPair(world)),
                ("second", () => KeepPair(world)),
                ("collects", world.Heap.Collect))
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
                ("yields", () =>
                {
                    GcScope scope = world.Heap.Enter();
                    GcHandle<Node> kept = scope.Keep(scope.New<Node>());
                    scope.Yield();
                    kept.Get(scope).Value.Left.Set(scope, scope.New<Node>());
                    scope.Yield();
                    Assert.False(kept.Get(scope).Value.Left.IsNull);
                    scope.Dispose();
                }),
                ("collects", () =>
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
            return new Scenario(world, ("enters", () => KeepPair(world)), ("collects", world.Heap.Collect))
            {
                IsPatient = false,
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal(1, world.Traced.Collector.Cycles);
                    AssertPairs(world, pairs: 1);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_thread_that_dies_in_its_scope_holds_nobody_up_and_who_adopts_its_cache_begins_anew()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            return new Scenario(
                world,
                ("dies", () =>
                {
                    GcScope scope = world.Heap.Enter();
                    scope.New<Node>();
                    GcHandle<Node> kept = scope.Keep(scope.New<Node>());
                    kept.Get(scope).Value.Left.Set(scope, scope.New<Node>());
                }),
                ("adopts", () => KeepPair(world)),
                ("collects", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () => AssertPairs(world, pairs: 2),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void S23_Two_who_find_no_root_slot_both_get_one_of_their_own()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            return new Scenario(world, ("first", () => KeepPair(world)), ("second", () => KeepPair(world)))
            {
                AtEnd = () =>
                {
                    Assert.Equal(2, world.Traced.Roots.Count);
                    AssertPairs(world, pairs: 2);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 3);
    }

    // In one scope a pair that is kept, and a block that is not; in the next what is kept is looked at.
    private static void KeepPair(TracedWorld world)
    {
        GcHandle<Node> kept;
        using (GcScope scope = world.Heap.Enter())
        {
            scope.New<Node>().Value.Value = -1;
            GcRef<Node> parent = scope.New<Node>();
            GcRef<Node> child = scope.New<Node>();
            child.Value.Value = 7;
            parent.Value.Right.Set(scope, child);
            kept = scope.Keep(parent);
        }

        using (GcScope scope = world.Heap.Enter())
        {
            Assert.Equal(7, kept.Get(scope).Value.Right.Get(scope).Value.Value);
        }
    }

    private static void AssertPairs(TracedWorld world, int pairs)
    {
        world.AssertLeft(small: 2 * pairs, large: 0);
        Assert.Equal(pairs, world.Traced.Statistics.SmallBlocksFreed);
    }
}
