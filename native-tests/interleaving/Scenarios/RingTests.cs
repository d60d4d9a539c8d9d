using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>The ring in which full checks keep freed blocks back: several threads free, and one empties it because memory is lacking.</summary>
[Trait("Category", "Protocol")]
public sealed class RingTests(ITestOutputHelper output)
{
    /// <summary>What is done wrongly.</summary>
    public enum Fault
    {
        /// <inheritdoc cref="SpanHeap.Caches.FreedBlockQuarantine.MutantAddByWrite"/>
        AddByWrite,

        /// <inheritdoc cref="SpanHeap.Caches.FreedBlockQuarantine.MutantAddAndCountLater"/>
        AddAndCountLater,

        /// <inheritdoc cref="SpanHeap.Caches.FreedBlockQuarantine.MutantTakeNextByWrite"/>
        TakeByWrite,
    }

    [Theory]
    [InlineData(2, 16)]
    [InlineData(4, 1)]
    public void M11_Each_block_leaves_once_whether_it_is_displaced_overdue_or_taken(int places, int blocksInBudget) =>
        Exploration.RunAllAndSeeds(
            () => Make(places, blocksInBudget, static world => world.Free(3), static world => world.Empty()), output, preemptions: 2);

    [Theory]
    [InlineData(Fault.AddByWrite, "has left twice")]
    [InlineData(Fault.AddAndCountLater, "counts for less than nothing")]
    [InlineData(Fault.TakeByWrite, "has left twice")]
    public void M11_Blocks_that_are_lost_or_leave_twice_are_found(Fault fault, string reason) =>
        Exploration.RequireFound(() => Make(places: 2, blocksInBudget: 16, world => Free(world, fault), world => Empty(world, fault)), output, preemptions: 2, reason, "are lost");

    private static Scenario Make(int places, int blocksInBudget, Action<RingWorld> free, Action<RingWorld> empty)
    {
        RingWorld world = new(places, blocksInBudget);
        void Free() => free(world);
        return new Scenario(world, new("frees", Free), new("frees too", Free), new("empties", () => empty(world)))
        {
            Always = world.Check,
            AtEnd = world.AssertAllLeave,
        };
    }

    private static void Free(RingWorld world, Fault fault)
    {
        switch (fault)
        {
            case Fault.AddByWrite:
                world.Free(3, block => world.Ring.MutantAddByWrite(block, world.Class));
                break;
            case Fault.AddAndCountLater:
                world.Free(3, block => world.Ring.MutantAddAndCountLater(block, world.Class));
                break;
            default:
                world.Free(3);
                break;
        }
    }

    private static void Empty(RingWorld world, Fault fault)
    {
        int place = 0;
        if (fault != Fault.TakeByWrite)
        {
            world.Empty();
            return;
        }

        while (world.Ring.MutantTakeNextByWrite(ref place) is var block && block != 0)
        {
            world.NoteLeft(block);
        }
    }
}
