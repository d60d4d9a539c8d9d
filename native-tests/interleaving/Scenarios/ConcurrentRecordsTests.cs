using System.Diagnostics;
using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Weak handles and clean-ups are looked at while threads go on: a dead block comes back from no handle, and no other handle is cleared.</summary>
[Trait("Category", "Protocol")]
public sealed unsafe class ConcurrentRecordsTests(ITestOutputHelper output)
{
    private const long Mark = 4711;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private delegate TracedRef<Node> Reader(TracedWorld world, in TracedScope scope, TracedWeakHandle<Node> weak);

    [Fact]
    public void S34_A_block_lives_that_a_weak_handle_gave_before_or_while_dead_ones_are_cleared() =>
        Exploration.RunAllAndSeeds(static () => MakeReading(Read), output, preemptions: 2);

    [Fact]
    public void S34_A_handle_that_is_read_without_a_look_at_the_mark_is_found() =>
        Exploration.RequireFound(static () => MakeReading(ReadUnjudged), output, preemptions: 1, "is lost");

    [Fact]
    public void S35_A_weak_handle_stays_that_gets_the_slot_of_a_dead_one_while_that_is_cleared() =>
        Exploration.RunAllAndSeeds(static () => MakeReplacing(static world => world.Parts.Cycle.TakeDead()), output, preemptions: 2);

    [Fact]
    public void S35_A_slot_that_is_cleared_whatever_lies_in_it_is_found() =>
        Exploration.RequireFound(static () => MakeReplacing(ClearByStores), output, preemptions: 1, "is cleared");

    // A thread reads the only handle of a block, which has a clean-up, and keeps the block if it gets it.
    private static Scenario MakeReading(Reader read)
    {
        TracedWorld world = new(concurrent: true);
        world.Parts.Marking.RecordsWhileClosed = 0;
        int runs = 0;
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = world.Heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = Mark;
            weak = scope.KeepWeak(node);
            scope.OnDead(node, _ => runs++, 0);
        }

        TracedHandle<Node> kept = default;
        return new Scenario(
            world,
            new("collects", () => world.Parts.Concurrent!.TryBegin(CollectionReason.Idle)),
            new("reads", () =>
            {
                using TracedScope scope = world.Heap.Enter();
                TracedRef<Node> block = read(world, scope, weak);
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
                Assert.True(kept == default || IsAlive(world, kept), "A block is lost.");
                Assert.Equal(kept != default, weak.IsAlive);
                world.AssertLeft(small: kept != default ? 1 : 0, large: 0);
                world.Heap.RunCleanUps();
                Assert.Equal(kept != default ? 0 : 1, runs);
            },
        };
    }

    private static TracedRef<Node> Read(TracedWorld world, in TracedScope scope, TracedWeakHandle<Node> weak) =>
        weak.TryGet(scope, out TracedRef<Node> block) ? block : scope.Null<Node>();

    private static TracedRef<Node> ReadUnjudged(TracedWorld world, in TracedScope scope, TracedWeakHandle<Node> weak)
    {
        HandleTable.SlotWalk slots = new(world.Parts.WeakHandles);
        return world.Parts.WeakHandles.IsJudged && slots.MoveNext() ? scope.At<Node>(slots.Current->Block) : Read(world, scope, weak);
    }

    // A thread disposes the handle of a dead block, and makes one of a new block, which gets its slot.
    private static Scenario MakeReplacing(Action<TracedWorld> takeDead)
    {
        TracedWorld world = new(concurrent: true);
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = world.Heap.Enter())
        {
            weak = scope.KeepWeak(scope.New<Node>());
        }

        TracedHandle<Node> kept = default;
        TracedWeakHandle<Node> next = default;
        return new Scenario(
            world,
            new("collects", () => Collect(world, takeDead)),
            new("replaces", () =>
            {
                using TracedScope scope = world.Heap.Enter();
                TracedRef<Node> node = scope.New<Node>();
                kept = scope.Keep(node);
                InterleavingPoints.At(InterleavingPoint.RootSlotsMissing);
                weak.Dispose();
                next = scope.KeepWeak(node);
            }))
        {
            StepsThroughPages = true,
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                Assert.True(next.IsAlive, "The handle of a block that lives is cleared.");
                Assert.Equal(1, world.Parts.WeakHandles.Count);
                kept.Dispose();
                world.AssertLeft(small: 0, large: 0);
                Assert.False(next.IsAlive);
            },
        };
    }

    // As a collection on a thread of its own does, step by step.
    private static void Collect(TracedWorld world, Action<TracedWorld> takeDead)
    {
        Assert.True(world.Parts.Gate.TryClose(s_patience, out _));
        world.Parts.Cycle.BeginConcurrent();
        Assert.True(world.Parts.Gate.TryClose(s_patience, out _));
        Assert.True(world.Parts.Marking.TryMarkConcurrent(uint.MaxValue));
        long closedAt = Stopwatch.GetTimestamp();
        world.Parts.Cycle.CompleteConcurrent(closedAt);
        world.Parts.Cycle.BeginTakingDead(closedAt);
        takeDead(world);
        Assert.True(world.Parts.Gate.TryClose(s_patience, out _));
        world.Parts.Cycle.EndConcurrent(CollectionReason.Growth, flushAll: false, Stopwatch.GetTimestamp());
    }

    private static void ClearByStores(TracedWorld world)
    {
        HandleTable.SlotWalk slots = new(world.Parts.WeakHandles);
        while (slots.MoveNext())
        {
            nint block = slots.Current->Block;
            if (block != 0 && !TracedBits.IsSet(block, world.Parts.Marking.Bitmap))
            {
                InterleavingPoints.At(InterleavingPoint.DeadHandleFound);
                Volatile.Write(ref slots.Current->Block, 0);
            }
        }
    }

    private static bool IsAlive(TracedWorld world, TracedHandle<Node> handle)
    {
        using TracedScope scope = world.Heap.Enter();
        TracedRef<Node> block = handle.Get(scope);
        return TracedBits.IsSet(block.Address, SweepGeneration.AllocBitmap(world.Sweeper.Generation)) && block.Value.Value == Mark;
    }
}
