using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Blocks freed by threads that do not own them: through the outbox to an inbox, and on to the owner of by then.</summary>
[Trait("Category", "Protocol")]
public sealed unsafe class RemoteFreeTests(ITestOutputHelper output)
{
    [Fact]
    public void M01_A_block_goes_back_to_the_owner_of_by_then_while_its_span_changes_hands() =>
        Exploration.RunAllAndSeeds(() => MakeChanging(static (world, block) => world.Free(block)), output, preemptions: 2);

    [Fact]
    public void M01_A_block_that_goes_back_to_the_owner_it_had_before_the_lock_is_found() =>
        Exploration.RequireFound(
            () => MakeChanging(static (world, block) =>
            {
                world.NoteFreed(block);
                MutantRemoteFrees.ReturnToFormerOwner(block);
            }),
            output,
            preemptions: 1,
            "The metadata is inconsistent",
            "The slots of one span are taken at a time, and it is in its owner's list.");

    [Fact]
    public void M02_No_magazine_is_lost_where_two_threads_send_to_one_that_takes_them_in() =>
        Exploration.RunAllAndSeeds(
            () => MakeSenders(static (world, blocks) =>
            {
                world.Free(blocks);
                world.Flush();
            }),
            output,
            preemptions: 1);

    [Fact]
    public void M02_A_magazine_pushed_without_a_compare_exchange_is_missed() =>
        Exploration.RequireFound(
            () => MakeSenders(static (world, blocks) =>
            {
                Array.ForEach(blocks, world.NoteFreed);
                MutantRemoteFrees.SendWithoutCompareExchange(world.Core, blocks);
            }),
            output,
            preemptions: 1,
            "pages stay in use");

    // The owner is dead, its spans go to the central cache and from there to the heir.
    private static Scenario MakeChanging(Action<ManualWorld, nint> free)
    {
        ManualWorld world = new();
        nint[] blocks = [];
        world.OnThreadThatDies(() => blocks = world.AllocateMany(6));
        return new Scenario(
            world,
            new("frees", () => Array.ForEach(blocks, block => free(world, block))),
            new("trims", world.Heap.Trim),
            new("heir", () => world.AllocateMany(2)))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    // The owner lives while others send, and takes in what they have sent when it allocates.
    private static Scenario MakeSenders(Action<ManualWorld, nint[]> send)
    {
        ManualWorld world = new();
        nint[]? blocks = null;
        return new Scenario(
            world,
            new("owner", () =>
            {
                blocks = world.AllocateMany(6);
                InterleavingPoints.At(InterleavingPoint.InboxRead);
                world.AllocateMany(4);
            }),
            new("first sender", () => Send(0)),
            new("second sender", () => Send(3)))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };

        void Send(int from)
        {
            InterleavingPoints.Await(InterleavingPoint.InboxRead, () => blocks != null);
            send(world, blocks![from..(from + 3)]);
        }
    }
}
