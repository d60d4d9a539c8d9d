using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Weak handles, clean-ups and mark sessions beside collections: no thread sees a dead block, in whatever order things happen.</summary>
[Trait("Category", "Protocol")]
public sealed class RecordTests(ITestOutputHelper output)
{
    [Fact]
    public void A_weak_handle_gives_its_own_block_or_nothing_while_slots_are_used_again()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            TracedWeakHandle<Node> weak = MakeWeak(world, 1);
            return new Scenario(
                world,
                new("looks", () =>
                {
                    Look(world, weak);
                    Look(world, weak);
                }),
                new("collects", () =>
                {
                    world.Heap.Collect();
                    world.MakeNodes(3, kept: 0);
                    Assert.False(weak.IsAlive);
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.False(weak.IsAlive);
                    world.AssertLeft(small: 0, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    [Fact]
    public void A_weak_handle_that_is_disposed_while_it_is_cleared_leaves_the_next_in_its_slot_alone()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            TracedWeakHandle<Node> weak = MakeWeak(world, 1);
            TracedWeakHandle<Node> next = default;
            TracedHandle<Node> kept = default;
            return new Scenario(
                world,
                new("replaces", () =>
                {
                    weak.Dispose();
                    using TracedScope scope = world.Heap.Enter();
                    TracedRef<Node> node = scope.New<Node>();
                    kept = scope.Keep(node);
                    next = scope.KeepWeak(node);
                }),
                new("collects", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.True(next.IsAlive);
                    Assert.Equal(1, world.Parts.WeakHandles.Count);
                    kept.Dispose();
                    world.AssertLeft(small: 0, large: 0);
                    Assert.False(next.IsAlive);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    [Fact]
    public void A_block_that_is_called_back_by_its_weak_handle_in_time_keeps_its_clean_up()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            int runs = 0;
            TracedWeakHandle<Node> weak = MakeWeak(world, 1, () => runs++);
            TracedHandle<Node> kept = default;
            return new Scenario(
                world,
                new("calls back", () =>
                {
                    using TracedScope scope = world.Heap.Enter();
                    if (weak.TryGet(scope, out TracedRef<Node> node))
                    {
                        kept = scope.Keep(node);
                    }
                }),
                new("collects", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.Equal(kept != default, weak.IsAlive);
                    Assert.Equal(kept != default ? 1 : 0, world.Parts.CleanUps.Counts.Registered - world.Parts.WeakHandles.Cleared);
                    world.AssertLeft(small: kept != default ? 1 : 0, large: 0);
                    world.Heap.RunCleanUps();
                    Assert.Equal(kept != default ? 0 : 1, runs);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_clean_up_that_is_cancelled_beside_a_collection_runs_or_is_cancelled()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            int runs = 0;
            TracedCleanUp cleanUp = default;
            MakeWeak(world, 1, () => runs++, made => cleanUp = made);
            bool cancelled = false;
            return new Scenario(
                world,
                new("cancels", () =>
                {
                    world.MakeNodes(1, kept: 0);
                    cancelled = cleanUp.TryCancel();
                }),
                new("collects", world.Heap.Collect))
            {
                AtEnd = () =>
                {
                    world.Heap.RunCleanUps();
                    Assert.Equal(cancelled ? 0 : 1, runs);
                    world.AssertLeft(small: 0, large: 0);
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_session_keeps_what_it_marks_and_a_thread_that_comes_meanwhile_waits()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            nint marked = 0;
            using (TracedScope scope = world.Heap.Enter())
            {
                marked = scope.NewCollectable(24).Address;
                scope.NewCollectable(24);
            }

            return new Scenario(
                world,
                new("marks", () =>
                {
                    using MarkSession marking = world.Heap.BeginMark();
                    marking.Mark(marked);
                    marking.Complete();
                }),
                new("makes", () => world.MakeNodes(2, kept: 1)),
                new("collects", world.Heap.Collect))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 2, large: 0),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    private static void Look(TracedWorld world, TracedWeakHandle<Node> weak)
    {
        using TracedScope scope = world.Heap.Enter();
        if (weak.TryGet(scope, out TracedRef<Node> node))
        {
            Assert.Equal(1, node.Value.Value);
        }
        else
        {
            Assert.Equal(0, scope.New<Node>().Value.Value);
        }
    }

    private static TracedWeakHandle<Node> MakeWeak(TracedWorld world, long value, Action? onDead = null, Action<TracedCleanUp>? made = null)
    {
        using TracedScope scope = world.Heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        if (onDead != null)
        {
            TracedCleanUp cleanUp = scope.OnDead(node, static action => action(), onDead);
            made?.Invoke(cleanUp);
        }

        return scope.KeepWeak(node);
    }
}
