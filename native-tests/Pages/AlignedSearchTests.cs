using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

/// <summary>Runs that begin at multiples of more than a page: the lowest fit, without a look through all that live.</summary>
public sealed class AlignedSearchTests
{
    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 2)]
    [InlineData(128, 256)]
    public void Each_allocation_looks_through_an_arena_or_two_however_many_there_are(int pages, int alignment)
    {
        const int Arenas = 60;
        using FakePages fake = new(pagesPerArena: 1024);
        Fill(fake, Arenas, pages, alignment);
        PageRun last = fake.Take(pages, alignment);
        fake.Free(last);

        long before = fake.Heap.ArenasSearched;
        const int Pairs = 1000;
        for (int i = 0; i < Pairs; i++)
        {
            fake.Free(fake.Take(pages, alignment));
        }

        Assert.Equal(Pairs, fake.Heap.ArenasSearched - before);
        fake.Heap.Verify();
    }

    [Fact]
    public void Pages_freed_anywhere_cost_one_look_through_their_arena()
    {
        const int Arenas = 40;
        using FakePages fake = new(pagesPerArena: 1024);
        Fill(fake, Arenas, pages: 1, alignment: 8);
        long before = fake.Heap.ArenasSearched;
        const int Rounds = 200;
        Random random = new(7);
        for (int i = 0; i < Rounds; i++)
        {
            // A hole that is too far from a multiple, in some arena.
            PageRun small = fake.Take(1);
            PageRun aligned = fake.Take(1, 8);
            fake.Free(random.Next(2) == 0 ? small : aligned);
        }

        Assert.InRange(fake.Heap.ArenasSearched - before, 2 * Rounds, 4 * Rounds);
    }

    [Fact]
    public void A_run_that_fits_to_the_page_is_found_again()
    {
        using FakePages fake = new(pagesPerArena: 1024, headerPages: 8);
        fake.Add(0);
        List<PageRun> runs = [];
        while (fake.Heap.TryAllocate(8, 8, 0, out PageRun run))
        {
            runs.Add(run);
        }

        Assert.False(fake.Heap.TryAllocate(8, 8, 0, out _));
        PageRun freed = runs[60];
        fake.Free(freed);
        Assert.Equal(freed.Address, fake.Take(8, 8).Address);
        Assert.False(fake.Heap.TryAllocate(8, 8, 0, out _));
    }

    [Fact]
    public void A_tree_that_is_made_late_and_grows_knows_all_arenas()
    {
        using FakePages fake = new(pagesPerArena: 512);
        for (int arena = 0; arena < 40; arena++)
        {
            fake.Add(arena);
            Assert.Equal(arena, fake.PageOf(fake.Take(256, 256).Address) / 512);
        }

        fake.Add(40);
        Assert.Equal(40, fake.PageOf(fake.Take(256, 256).Address) / 512);
        Assert.False(fake.Heap.TryAllocate(256, 256, 0, out _));
        Assert.Equal(0, fake.PageOf(fake.Take(1, 128).Address) / 512);
    }

    // Full of aligned runs with holes between that are long enough, but not aligned.
    private static void Fill(FakePages fake, int arenas, int pages, int alignment)
    {
        for (int arena = 0; arena < arenas; arena++)
        {
            fake.Add(arena);
            while (fake.Heap.TryAllocate(pages, alignment, 0, out _))
            {
            }
        }

        fake.Add(arenas);
    }
}
