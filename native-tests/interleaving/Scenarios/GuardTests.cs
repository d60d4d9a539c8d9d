using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>
/// Guarded blocks where mappings are few: one that has lived long gives its guard to a new one while it is freed, others leave quarantine, and
/// the report of a fault looks them up.
/// </summary>
[Trait("Category", "Protocol")]
public sealed class GuardTests(ITestOutputHelper output)
{
    [LinuxFact]
    public void M10_A_block_is_freed_once_and_its_guard_withdrawn_once_whichever_thread_comes_first() =>
        QuietErrors.While(() => Exploration.RunAllAndSeeds(() => MakeWithdrawn(static world => world.Allocate()), output, preemptions: 2));

    [LinuxFact]
    public void M10_A_guard_that_is_withdrawn_without_a_word_is_found() =>
        QuietErrors.While(() => Exploration.RequireFound(
            () => MakeWithdrawn(static world => world.Parts.Eviction.MutantUnprotectInSecret()), output, preemptions: 2, "A mapping was given back twice.", "are left"));

    [LinuxFact]
    public void M10_A_block_that_is_freed_while_its_guard_is_withdrawn_and_then_forgotten_is_found() =>
        QuietErrors.While(() => Exploration.RequireFound(
            () => MakeWithdrawn(static world => world.Parts.Eviction.MutantUnprotectAndForget()), output, preemptions: 1, "are left"));

    [LinuxFact]
    public void M10_Pages_are_the_page_heap_s_when_they_do_not_fault_any_more() =>
        Exploration.RunAllAndSeeds(() => MakeRetired(static (world, block) => world.Free(block), static world => world.Guard.RetireFor(1)), output, preemptions: 2);

    [LinuxFact]
    public void M10_A_block_that_is_in_quarantine_before_its_pages_fault_is_found() =>
        Exploration.RequireFound(
            () => MakeRetired(static (world, block) => world.Free(block, world.Parts.Quarantine.MutantFreeQueuedFirst), static world => world.Guard.RetireFor(1)),
            output,
            preemptions: 2,
            "faults",
            "written to after its free");

    [LinuxFact]
    public void M10_Pages_that_are_given_away_before_their_record_is_gone_are_found() =>
        Exploration.RequireFound(
            () => MakeRetired(static (world, block) => world.Free(block), static world => world.Parts.Quarantine.MutantRetireUnlinkedLast()),
            output,
            preemptions: 2,
            "is not found");

    // The oldest of two blocks, which have all mappings, is freed while a third wants its guard.
    private static Scenario MakeWithdrawn(Action<GuardWorld> allocate)
    {
        GuardWorld world = new(mappings: 2);
        nint oldest = world.Allocate();
        world.Allocate();
        return new Scenario(
            world,
            new("allocates", () => allocate(world)),
            new("frees", () => world.Free(oldest)),
            new("reports", () => GuardWorld.ReportFault(oldest + GuardWorld.Size)))
        {
            Always = world.Check,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    // A block on its way to quarantine, which is emptied, and a new one that may get its pages.
    private static Scenario MakeRetired(Action<GuardWorld, nint> free, Action<GuardWorld> retire)
    {
        GuardWorld world = new(mappings: 16);
        nint block = world.Allocate();
        return new Scenario(
            world,
            new("frees", () => free(world, block)),
            new("retires", () => retire(world)),
            new("allocates", () =>
            {
                InterleavingPoints.At(InterleavingPoint.GuardUnprotected);
                world.Allocate();
            }),
            new("reports", () => GuardWorld.ReportFault(block)))
        {
            Always = world.Check,
            AtEnd = world.AssertAllCanBeFreed,
        };
    }
}
