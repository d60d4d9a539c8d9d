using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Roots;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>What threads do while a heap is marked, in whatever order, takes no block that they can reach.</summary>
[Trait("Category", "Protocol")]
public sealed class ConcurrentMarkingTests(ITestOutputHelper output)
{
    private const long Mark = 4711;

    // The blocks of a chain lie on pages of their own, so that a marker looks at one after the other.
    private const int ChainLength = 5;
    private const int NodesPerPage = PageGeometry.PageSize / 32;

    /// <summary>Overwrites the reference in a block that the marker may not have looked at yet.</summary>
    private delegate void Eraser(in TracedScope scope, TracedRef<Node> holder);

    [Fact]
    public void S28_A_block_lives_whose_only_reference_moves_to_where_no_marker_looks() =>
        Exploration.RunAllAndSeeds(() => MakeMoving(Erase), output, preemptions: 2);

    [Fact]
    public void S28_A_store_that_shades_nothing_is_found() =>
        Exploration.RequireFound(() => MakeMoving(EraseWithoutShading), output, preemptions: 1, "is lost");

    [Fact]
    public void S28_A_store_that_shades_what_is_there_after_it_is_found() =>
        Exploration.RequireFound(() => MakeMoving(EraseThenShade), output, preemptions: 1, "is lost");

    [Fact]
    public void S29_A_block_lives_that_a_weak_handle_gave() =>
        Exploration.RunAllAndSeeds(static () => MakeReviving(shades: true), output, preemptions: 2);

    [Fact]
    public void S29_A_weak_handle_that_shades_nothing_is_found() =>
        Exploration.RequireFound(static () => MakeReviving(shades: false), output, preemptions: 1, "is lost");

    [Fact]
    public void S30_Blocks_that_are_made_while_the_heap_is_marked_live_in_old_ones() => Exploration.RunAllAndSeeds(
        static () =>
        {
            TracedWorld world = new(concurrent: true);
            TracedHandle<Node> holder = MakeChain(world);
            return new Scenario(
                world,
                new("collects", () => Begin(world)),
                new("makes", () =>
                {
                    for (int i = 0; i < 2; i++)
                    {
                        using TracedScope scope = world.Heap.Enter();
                        TracedRef<Node> made = scope.New<Node>();
                        made.Value.Value = i + 1;
                        made.Value.Right.Set(scope, holder.Get(scope).Value.Right.Get(scope));
                        holder.Get(scope).Value.Right.Set(scope, made);
                    }
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    using (TracedScope scope = world.Heap.Enter())
                    {
                        TracedRef<Node> last = holder.Get(scope).Value.Right.Get(scope);
                        Assert.Equal((2, 1), (last.Value.Value, last.Value.Right.Get(scope).Value.Value));
                    }

                    world.AssertLeft(small: ChainLength + 2, large: 0);
                },
            };
        },
        output,
        preemptions: 2);

    [Fact]
    public void S31_A_collection_that_the_program_asks_for_comes_after_the_one_that_is_under_way() => Exploration.RunAllAndSeeds(
        static () =>
        {
            TracedWorld world = new(concurrent: true);
            TracedHandle<Node> holder = MakeChain(world);
            return new Scenario(
                world,
                new("begins", () => Begin(world)),
                new("collects", () =>
                {
                    world.MakeNodes(2, kept: 0);
                    world.Heap.Collect();
                }))
            {
                Always = world.CheckSpans,
                AtEnd = () =>
                {
                    Assert.InRange(world.Parts.Collector.Cycles, 1, 2);
                    holder.Dispose();
                    world.AssertLeft(small: 0, large: 0);
                },
            };
        },
        output,
        preemptions: 1);

    [Fact]
    public void S36_A_thread_that_assists_beside_the_marker_and_one_that_shades_loses_nothing() =>
        Exploration.RunAllAndSeeds(() => MakeAssisting(AssistInScope), output, preemptions: 2);

    [Fact]
    public void S36_An_assistant_that_keeps_a_page_is_found() =>
        Exploration.RequireFound(() => MakeAssisting(AssistAndKeep), output, preemptions: 2, "is lost");

    [Fact]
    public void S36_An_assistant_that_is_in_no_scope_is_found() =>
        Exploration.RequireFound(() => MakeAssisting(AssistOutside), output, preemptions: 2, "is lost", "The metadata is inconsistent");

    // A thread takes the second block of a chain out of the first and keeps it, and another looks at the page of that block if the marker does not. The rest of
    // the chain is on other pages.
    private static Scenario MakeAssisting(Action<TracedWorld> assist)
    {
        TracedWorld world = new(concurrent: true);
        TracedHandle<Node> holder = MakeChain(world);
        TracedHandle<Node> hidden = default;
        return new Scenario(
            world,
            new("moves", () =>
            {
                Begin(world);
                AwaitUnlessEnded(world, () => world.Parts.Shading.IsOn);
                using TracedScope scope = world.Heap.Enter();
                TracedRef<Node> second = holder.Get(scope).Value.Left.Get(scope);
                Erase(scope, holder.Get(scope));
                hidden = scope.Keep(second);
            }),
            new("assists", () =>
            {
                AwaitUnlessEnded(world, () => world.Parts.Team.Queue.HasWork);
                assist(world);
            }))
        {
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                world.Heap.FinishSweeping();
                AssertAlive(world, hidden, FindLast);
                world.AssertLeft(small: ChainLength, large: 0);
            },
        };
    }

    // Other orders have nothing that is not in those of other scenarios.
    private static void AwaitUnlessEnded(TracedWorld world, Func<bool> condition) =>
        InterleavingPoints.Await(InterleavingPoint.MarkWorkAwaited, () => condition() || world.Parts.Collector.Cycles > 0);

    private static TracedRef<Node> FindLast(in TracedScope scope, TracedRef<Node> block)
    {
        TracedRef<Node> next = block.Value.Left.Get(scope);
        return next.IsNull ? block : FindLast(scope, next);
    }

    private static void AssistInScope(TracedWorld world)
    {
        using TracedScope scope = world.Heap.Enter();
        if (world.Parts.Shading.IsOn)
        {
            world.Parts.Assists.TryMark(1);
        }
    }

    private static void AssistAndKeep(TracedWorld world)
    {
        using TracedScope scope = world.Heap.Enter();
        if (world.Parts.Shading.IsOn)
        {
            Marker assistant = MakeAssistant(world);
            if (assistant.TryBegin())
            {
                assistant.Drain(1);
                assistant.Release();
            }
        }
    }

    private static void AssistOutside(TracedWorld world)
    {
        if (world.Parts.Shading.IsOn)
        {
            Marker assistant = MakeAssistant(world);
            if (assistant.TryBegin())
            {
                assistant.Drain(1);
                assistant.GiveAll();
            }
        }
    }

    private static Marker MakeAssistant(TracedWorld world) =>
        new(world.Parts.Team.Queue, world.Parts.Team.Weak, world.Parts.Marking.Bitmap, shared: true, assists: true);

    // A thread hides the last block of a chain in a new one, and takes it out of the one before.
    private static Scenario MakeMoving(Eraser erase)
    {
        TracedWorld world = new(concurrent: true);
        TracedHandle<Node> holder = MakeChain(world);
        TracedHandle<Node> hidden = default;
        return new Scenario(
            world,
            new("collects", () => Begin(world)),
            new("moves", () =>
            {
                using TracedScope scope = world.Heap.Enter();
                TracedRef<Node> black = scope.New<Node>();
                TracedRef<Node> before = holder.Get(scope);
                for (int i = 2; i < ChainLength; i++)
                {
                    before = before.Value.Left.Get(scope);
                }

                black.Value.Left.Set(scope, before.Value.Left.Get(scope));
                erase(scope, before);
                hidden = scope.Keep(black);
            }))
        {
            StepsThroughPages = true,
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                world.Heap.FinishSweeping();
                AssertAlive(world, hidden, static (in TracedScope scope, TracedRef<Node> block) => block.Value.Left.Get(scope));
                world.AssertLeft(small: ChainLength + 1, large: 0);
            },
        };
    }

    private static void Erase(in TracedScope scope, TracedRef<Node> holder) => holder.Value.Left.Set(scope, scope.Null<Node>());

    private static void EraseWithoutShading(in TracedScope scope, TracedRef<Node> holder) => Volatile.Write(ref holder.Value.Left.Address, 0);

    private static void EraseThenShade(in TracedScope scope, TracedRef<Node> holder)
    {
        Volatile.Write(ref holder.Value.Left.Address, 0);
        InterleavingPoints.At(InterleavingPoint.BlockShaded);
        holder.Value.Left.Set(scope, scope.Null<Node>());
    }

    // A thread gets a block, with one behind it, from a weak handle, and keeps the first.
    private static Scenario MakeReviving(bool shades)
    {
        TracedWorld world = new(concurrent: true);
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = world.Heap.Enter())
        {
            TracedRef<Node> first = scope.New<Node>();
            first.Value.Value = Mark;
            first.Value.Left.Set(scope, scope.New<Node>());
            weak = scope.KeepWeak(first);
        }

        TracedHandle<Node> kept = default;
        return new Scenario(
            world,
            new("collects", () => Begin(world)),
            new("calls back", () =>
            {
                using TracedScope scope = world.Heap.Enter();
                TracedRef<Node> block = shades && weak.TryGet(scope, out TracedRef<Node> given) ? given : scope.At<Node>(shades ? 0 : AddressOf(world));
                if (!block.IsNull)
                {
                    kept = scope.Keep(block);
                }
            }))
        {
            StepsThroughPages = true,
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                world.Heap.FinishSweeping();
                Assert.True(weak.IsAlive || kept == default, "A block that is kept is lost to its weak handle.");
                if (kept != default)
                {
                    AssertAlive(world, kept, static (in TracedScope _, TracedRef<Node> block) => block);
                }

                world.AssertLeft(small: kept != default ? 2 : 0, large: 0);
                Assert.Equal(kept != default, weak.IsAlive);
            },
        };
    }

    private static unsafe nint AddressOf(TracedWorld world)
    {
        HandleTable.SlotWalk slots = new(world.Parts.WeakHandles);
        return slots.MoveNext() ? slots.Current->Block : 0;
    }

    private static void Begin(TracedWorld world) => world.Parts.Concurrent!.TryBegin(CollectionReason.Idle);

    private static TracedHandle<Node> MakeChain(TracedWorld world)
    {
        using TracedScope scope = world.Heap.Enter();
        TracedRef<Node> first = scope.New<Node>();
        first.Value.Value = Mark;
        for (int i = 1; i < ChainLength; i++)
        {
            for (int filler = 1; filler < NodesPerPage; filler++)
            {
                scope.New<Node>();
            }

            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, first);
            first = node;
        }

        return scope.Keep(first);
    }

    private delegate TracedRef<Node> Finder(in TracedScope scope, TracedRef<Node> block);

    private static void AssertAlive(TracedWorld world, TracedHandle<Node> handle, Finder find)
    {
        bool isLost;
        using (TracedScope scope = world.Heap.Enter())
        {
            TracedRef<Node> block = find(scope, handle.Get(scope));
            isLost = block.IsNull || block.Value.Value != Mark || !SpanHeap.Traced.Spans.TracedBits.IsSet(
                block.Address, SpanHeap.Traced.Spans.SweepGeneration.AllocBitmap(world.Sweeper.Generation));
        }

        Assert.False(isLost, "A block is lost.");
    }
}
