using SpanHeap.Pages;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Pages;

/// <summary>The page heap against a model that tries every page from the lowest of the oldest arena.</summary>
public sealed class PageHeapModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1, 512, 40_000)]
    [InlineData(1, 2048, 20_000)]
    [InlineData(7, 512, 20_000)]
    [InlineData(128, 512, 20_000)]
    public void Random_sequences_get_the_lowest_fit_of_the_oldest_arena_each_time(int arenas, int pagesPerArena, int operations)
    {
        int seed = Environment.TickCount ^ arenas;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        using FakePages fake = new(pagesPerArena);
        int[] order = [.. Enumerable.Range(0, arenas)];
        random.Shuffle(order);
        NaivePages model = new(fake.Geometry, order);
        foreach (int arena in order)
        {
            fake.Add(arena);
        }

        List<PageRun> live = [];
        for (int i = 0; i < operations; i++)
        {
            // Phases of growing and of shrinking, so that the heap is nearly full at times and nearly empty at others.
            bool growing = i / 3000 % 2 == 0;
            int choice = random.Next(10);
            if (live.Count == 0 || choice < (growing ? 6 : 3))
            {
                Allocate(random, fake, model, live);
            }
            else if (choice == 9)
            {
                Extend(random, fake, model, live);
            }
            else
            {
                FreeOne(random, fake, model, live);
            }

            if (i % 1000 == 0)
            {
                fake.Heap.Verify();
            }
        }

        Assert.Equal(model.InUse, fake.Heap.PagesInUse);
        fake.Heap.Verify();
    }

    private static void Allocate(Random random, FakePages fake, NaivePages model, List<PageRun> live)
    {
        int pages = random.Next(8) == 0 ? random.Next(1, fake.Geometry.MaxRun + 1) : random.Next(1, 20);
        int alignment = random.Next(4) == 0 ? 1 << random.Next(0, 9) : 1;
        int room = random.Next(4) == 0 ? random.Next(1, 40) : 0;
        int expected = model.FindFirst(pages + room, alignment);
        expected = expected < 0 && room > 0 ? model.FindFirst(pages, alignment) : expected;
        bool found = fake.Heap.TryAllocate(pages, alignment, room, out PageRun run);
        Assert.Equal(expected, found ? fake.PageOf(run.Address) : -1);
        if (found)
        {
            Assert.Equal(pages, run.Pages);
            Assert.Equal(model.IsDirty(expected, pages), run.NeedsZero);
            model.Take(expected, pages);
            live.Add(run);
        }
    }

    private static void Extend(Random random, FakePages fake, NaivePages model, List<PageRun> live)
    {
        int index = random.Next(live.Count);
        PageRun run = live[index];
        int pages = random.Next(1, 30);
        int start = fake.PageOf(run.Address);
        bool expected = model.IsFree(start, start + run.Pages, pages);
        Assert.Equal(expected, fake.Heap.TryExtend(run.End, pages, out PageRun more));
        if (expected)
        {
            Assert.Equal(model.IsDirty(start + run.Pages, pages), more.NeedsZero);
            model.Take(start + run.Pages, pages);
            live[index] = run with { Pages = run.Pages + pages };
        }
    }

    private static void FreeOne(Random random, FakePages fake, NaivePages model, List<PageRun> live)
    {
        int index = random.Next(live.Count);
        PageRun run = live[index];
        live[index] = live[^1];
        live.RemoveAt(live.Count - 1);
        fake.Free(run);
        model.Free(fake.PageOf(run.Address), run.Pages);
    }
}
