using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>A heap at its limit: looking and taking are one step, a refusal has its reason, and what fits is served.</summary>
[Trait("Category", "Protocol")]
public sealed class LimitTests(ITestOutputHelper output)
{
    private const int LargePages = (ManualWorld.Large + (int)PageGeometry.PageSize - 1) >> PageGeometry.PageShift;

    private static readonly Lazy<nuint> s_recordBytes = new(MeasureRecords);

    [Fact]
    public void M07_As_many_blocks_as_the_limit_allows_are_never_refused_and_no_arena_is_added_for_them() =>
        Exploration.RunAllAndSeeds(MakeShipped, output, preemptions: 1);

    [Fact]
    public void M07_A_heap_that_asks_its_limit_again_outside_of_the_lock_adds_arenas() =>
        Exploration.RequireFound(() => MakePages(MutantLimit.TakeAskingAgain), output, preemptions: 2, "An arena was added at the limit.");

    [Fact]
    public void M07_A_heap_that_looks_at_its_limit_and_takes_later_passes_it() =>
        Exploration.RequireFound(() => MakePages(MutantLimit.TakeAfterLook), output, preemptions: 2, "The limit is passed");

    [Fact]
    public void M07_Pages_that_are_looked_for_and_taken_in_one_step_stay_within_the_limit() =>
        Exploration.RunAllAndSeeds(() => MakePages(TakeAsShipped), output, preemptions: 2);

    // The limit has room for two blocks, and no more than two are ever wanted, while a third thread gives free memory back.
    private static Scenario MakeShipped()
    {
        ManualWorld world = MakeWorld(blocks: 2);
        void Use()
        {
            world.Free(world.Allocate(ManualWorld.Large));
            world.Allocate(ManualWorld.Large);
        }

        return new Scenario(world, new("first", Use), new("second", Use), new("trims", world.Heap.Trim))
        {
            Always = () => AssertWithin(world, blocks: 2),
            AtEnd = () =>
            {
                Assert.Throws<OutOfMemoryException>(() => world.Allocate(ManualWorld.Large));
                world.AssertAllCanBeFreed();
            },
        };
    }

    // The limit has room for one run, which two threads want in turn.
    private static Scenario MakePages(Func<HeapCore, int, PageRun> take)
    {
        ManualWorld world = MakeWorld(blocks: 1);
        void Use()
        {
            PageRun run = take(world.Core, LargePages);
            InterleavingPoints.At(InterleavingPoint.PagesRefused);
            world.Core.Pages.Free(run.Address, run.Pages);
        }

        return new Scenario(world, new("first", Use), new("second", Use))
        {
            Always = () => AssertWithin(world, blocks: 1),
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    private static PageRun TakeAsShipped(HeapCore heap, int pages)
    {
        PageRun run;
        while (heap.Limit.TryAllocate(pages, 1, 0, out run) != Spans.PageRefusal.None)
        {
            InterleavingPoints.Spin(InterleavingPoint.PagesRefused);
        }

        return run;
    }

    // With an arena, and room for the records of all that the scenario makes.
    private static ManualWorld MakeWorld(int blocks)
    {
        ManualWorld world = new(limit: s_recordBytes.Value + ((nuint)blocks * LargePages * (nuint)PageGeometry.PageSize));
        world.OnThreadThatDies(() => world.Free(world.Allocate(ManualWorld.Large)));
        Assert.Equal(1, world.Core.Pages.ArenaCount);
        return world;
    }

    // What counts beside the pages of blocks, with room for some threads more: less than a block.
    private static nuint MeasureRecords()
    {
        const nuint Margin = ManualWorld.Large / 2;
        using ManualWorld world = new(limit: 1 << 30);
        world.OnThreadThatDies(() => world.Free(world.Allocate(ManualWorld.Large)));
        return world.Core.Limit.BytesInUse + Margin;
    }

    private static void AssertWithin(ManualWorld world, int blocks)
    {
        Assert.True(world.Core.Pages.PagesInUse <= blocks * LargePages, $"The limit is passed: {world.Core.Pages.PagesInUse} pages are in use.");
        Assert.True(world.Core.Pages.ArenaCount == 1, "An arena was added at the limit.");
    }
}
