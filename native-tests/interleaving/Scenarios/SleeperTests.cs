using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Threads;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>
/// What lies on the stacks of a thread that sleeps is taken without its help: it wakes meanwhile, or dies, and finds its stacks as it left
/// them, or empty.
/// </summary>
[Trait("Category", "Protocol")]
public sealed unsafe class SleeperTests(ITestOutputHelper output)
{
    private const string TakenWithin = "A stack was taken in the middle of an operation.";

    private static readonly uint s_class = SizeClasses.Of(ManualWorld.Medium);

    /// <summary>How stacks are taken from a thread that sleeps.</summary>
    public enum Taking
    {
        /// <summary>As shipped.</summary>
        Shipped,

        /// <inheritdoc cref="MutantStackReclaimer.AskBeforeHiding"/>
        AskBeforeHiding,

        /// <inheritdoc cref="MutantStackReclaimer.TakeInTheOpen"/>
        TakeInTheOpen,

        /// <inheritdoc cref="MutantStackReclaimer.TakeWithoutAsking"/>
        TakeWithoutAsking,
    }

    [Fact]
    public void M08_A_thread_that_wakes_while_its_stacks_are_taken_goes_on_when_they_are() =>
        Exploration.RunAllAndSeeds(() => MakeWaking(Taking.Shipped), output, preemptions: 2);

    [Theory]
    [InlineData(Taking.AskBeforeHiding)]
    [InlineData(Taking.TakeInTheOpen)]
    [InlineData(Taking.TakeWithoutAsking)]
    public void M08_Stacks_that_are_taken_from_a_thread_that_has_woken_are_found(Taking taking) =>
        Exploration.RequireFound(() => MakeWaking(taking), output, preemptions: 2, TakenWithin);

    [Fact]
    public void M08_A_thread_that_wakes_while_what_it_has_gathered_is_taken_goes_on_when_it_is() =>
        Exploration.RunAllAndSeeds(() => MakeGathering(Taking.Shipped), output, preemptions: 2);

    [Theory]
    [InlineData(Taking.AskBeforeHiding)]
    [InlineData(Taking.TakeInTheOpen)]
    [InlineData(Taking.TakeWithoutAsking)]
    public void M08_Gathered_blocks_that_are_taken_from_a_thread_that_has_woken_are_found(Taking taking) =>
        Exploration.RequireFound(() => MakeGathering(taking), output, preemptions: 2, TakenWithin);

    [Fact]
    public void M08_Two_threads_that_take_stacks_at_once_take_them_once() =>
        Exploration.RunAllAndSeeds(MakeTwoTakers, output, preemptions: 1);

    [Fact]
    public void M08_A_thread_that_dies_while_its_stacks_are_taken_has_an_heir_after_that() =>
        Exploration.RunAllAndSeeds(
            () => MakeDying(static (world, _) => world.Registry.Poll(int.MaxValue)), output, preemptions: 2);

    [Fact]
    public void M08_A_cache_that_is_inherited_while_its_stacks_are_taken_is_found() =>
        Exploration.RequireFound(
            () => MakeDying(static (world, dead) => MutantPoll.WithoutLookAtReclaim(world.Registry, dead)), output, preemptions: 2, TakenWithin);

    [Fact]
    public void M08_A_thread_that_waits_in_the_middle_of_an_allocation_looks_for_its_cache_again() =>
        QuietErrors.While(() => Exploration.RunAllAndSeeds(() => MakeWaitingWithin(static world => (nint)world.Heap.Native.Alloc(ManualWorld.Medium)), output, preemptions: 2));

    [Fact]
    public void M08_A_thread_that_waits_in_the_middle_of_an_allocation_and_does_not_look_is_found() =>
        QuietErrors.While(() => Exploration.RequireFound(
            () => MakeWaitingWithin(static world => MutantStackReclaimer.AllocateWithFormerCache(world.Core, s_class)), output, preemptions: 2, TakenWithin));

    private static Scenario MakeWaking(Taking taking)
    {
        ManualWorld world = new();
        return new Scenario(
            world,
            new("sleeps", () =>
            {
                nint[] blocks = world.AllocateMany(4);
                world.Free(blocks[..2]);
                world.Sleep();
                world.OnWholeStacks(() => world.Allocate());
                world.OnWholeStacks(() => world.Free(blocks[2]));
            }),
            new("takes", () =>
            {
                world.AwaitSleepers(1);
                Take(world, taking);
            }))
        {
            StepsThroughFastPaths = true,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    // The blocks are of the thread that arranges the schedule. It waits, too, and keeps nothing that could be taken from it.
    private static Scenario MakeGathering(Taking taking)
    {
        ManualWorld world = new();
        nint[] blocks = world.AllocateMany(4, ManualWorld.Small);
        world.Heap.Native.Trim();
        return new Scenario(
            world,
            new("sleeps", () =>
            {
                world.Free(blocks[..2]);
                world.Sleep();
                world.OnWholeStacks(() => world.Free(blocks[2]));
            }),
            new("takes", () =>
            {
                world.AwaitSleepers(1);
                Take(world, taking);
            }))
        {
            StepsThroughFastPaths = true,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    private static void Take(ManualWorld world, Taking taking)
    {
        switch (taking)
        {
            case Taking.Shipped:
                world.Core.Sleepers.Reclaim(idleOnly: false);
                break;
            case Taking.AskBeforeHiding:
                MutantStackReclaimer.AskBeforeHiding(world.Core);
                break;
            case Taking.TakeInTheOpen:
                MutantStackReclaimer.TakeInTheOpen(world.Core);
                break;
            default:
                MutantStackReclaimer.TakeWithoutAsking(world.Core);
                break;
        }
    }

    // Each thread that takes stacks also allocates, so what it takes is soon in use.
    private static Scenario MakeTwoTakers()
    {
        ManualWorld world = new();
        void Take()
        {
            world.AwaitSleepers(1);
            world.Core.Sleepers.Reclaim(idleOnly: false);
            world.Allocate();
        }

        return new Scenario(
            world,
            new("sleeps", () =>
            {
                world.Free(world.AllocateMany(4)[..2]);
                world.Sleep();
                world.OnWholeStacks(() => world.Allocate());
            }),
            new("first takes", Take),
            new("second takes", Take))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    // The owner wakes and ends, without another operation, at any point of the taking.
    private static Scenario MakeDying(Action<ManualWorld, ManualWorld.DeadThread> poll)
    {
        ManualWorld world = new();
        ManualWorld.DeadThread owner = default;
        return new Scenario(
            world,
            new("sleeps", () =>
            {
                world.Free(world.AllocateMany(4)[..2]);
                ThreadCache* cache = world.Core.FindOwnCache();
                owner = new ManualWorld.DeadThread((nint)cache, ThreadIdentity.OfCurrent(), cache->Ownership);
                world.Sleep();
            }),
            new("takes", () =>
            {
                world.AwaitSleepers(1);
                world.Core.Sleepers.Reclaim(idleOnly: false);
            }),
            new("inherits", () =>
            {
                InterleavingPoints.Await(InterleavingPoint.ThreadFoundDead, () => owner.Identity.IsDead);
                poll(world, owner);
                world.OnWholeStacks(() => world.Allocate());
            }))
        {
            StepsThroughFastPaths = true,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    // Each allocation is to be guarded, keeps its stack for that, and is not guarded: the system refuses.
    private static Scenario MakeWaitingWithin(Func<ManualWorld, nint> allocate)
    {
        ManualWorld world = new(new TracedHeapOptions
        {
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            Guard = { Mode = GuardMode.Sampled, Rate = 1, RecordStacks = true },
        });
        world.Core.Os.FailAll(OsCall.InstallGuard);
        world.OnThreadThatDies(() => world.Heap.Native.Free(world.Heap.Native.Alloc(1)));
        world.Core.Guard!.RetireFor(1);
        world.Core.Os.FailAll(OsCall.Fault);
        bool waits = false;
        return new Scenario(
            world,
            new("waits", () =>
            {
                world.Free(world.AllocateMany(4)[..2]);
                waits = true;
                world.OnWholeStacks(() =>
                {
                    nint block = allocate(world);
                    if (block != 0)
                    {
                        world.NoteAllocated(block, ManualWorld.Medium);
                    }
                });
            }),
            new("takes", () =>
            {
                InterleavingPoints.Await(InterleavingPoint.ThreadAsleep, () => waits);
                world.Core.Sleepers.Reclaim(idleOnly: false);
            }))
        {
            StepsThroughFastPaths = true,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }
}
