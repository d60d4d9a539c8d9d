using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

/// <summary>Pages that are wanted again soon after they were given back stay longer the next time; those of an idle program do not.</summary>
public sealed class PageRetentionTests
{
    private const int Burst = 200;

    [Fact]
    public void Pages_that_nobody_wants_again_go_after_two_rounds()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Free(fake.Take(Burst));
        Assert.Equal([0, Burst, 0], [fake.Round(), fake.Round(), fake.Round()]);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(PageRetention.Rounds - 2)]
    public void Pages_that_are_wanted_again_and_again_go_once(int roundsBetween)
    {
        using FakePages fake = new();
        fake.Add(0);
        int gone = 0;
        for (int i = 0; i < 20; i++)
        {
            fake.Free(fake.Take(Burst));
            gone += Rounds(fake, roundsBetween);
        }

        Assert.Equal(Burst, gone);
        Assert.Equal(Burst, fake.Heap.PagesFree);
        fake.Heap.Verify();
    }

    [Fact]
    public void They_go_when_the_program_has_stopped()
    {
        using FakePages fake = new();
        fake.Add(0);
        RunBursts(fake, 5);

        Assert.Equal(0, Rounds(fake, PageRetention.Rounds - 3));
        Assert.Equal(Burst, Rounds(fake, 3));
        Assert.Equal((0L, 0L), (fake.Heap.PagesFree, fake.Retention.Pages));
    }

    [Fact]
    public void What_a_round_gives_back_is_not_taken_for_what_is_wanted()
    {
        using FakePages fake = new();
        fake.Add(0);
        RunBursts(fake, 5);
        fake.Free(fake.Take(Burst / 2));

        Rounds(fake, PageRetention.Rounds + 1);

        Assert.Equal((0L, 0L), (fake.Heap.PagesFree, fake.Retention.Pages));
    }

    [Fact]
    public void Pages_that_nobody_takes_do_not_stay_in_the_place_of_those_that_are_wanted()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun[] singles = [.. Enumerable.Range(0, 2 * Burst).Select(_ => fake.Take(1))];
        fake.Free(fake.Take(90));
        for (int i = 0; i < singles.Length; i += 2)
        {
            fake.Free(singles[i]);
        }

        // Single pages at lower addresses, which never serve a run.
        for (int i = 0; i < 20; i++)
        {
            fake.Free(fake.Take(90));
            Rounds(fake, 3);
        }

        int gone = 0;
        for (int i = 0; i < 5; i++)
        {
            fake.Free(fake.Take(90));
            gone += Rounds(fake, 3);
        }

        Assert.Equal(0, gone);
        Assert.Equal(90, fake.Heap.PagesFree);
    }

    [Fact]
    public void Pages_that_are_wanted_again_long_after_they_went_are_not_worth_keeping()
    {
        using FakePages fake = new();
        fake.Add(0);
        for (int i = 0; i < 5; i++)
        {
            fake.Free(fake.Take(Burst));
            fake.Round(periods: PageRetention.Rounds + 1);
            Assert.Equal((0L, Burst), (fake.Retention.Pages, Rounds(fake, 3)));
        }
    }

    [Fact]
    public void Pages_beyond_those_that_are_wanted_again_go()
    {
        using FakePages fake = new();
        fake.Add(0);
        RunBursts(fake, 5);

        // Once, and not again.
        fake.Free(fake.Take(Burst + 150));
        Rounds(fake, 3);

        Assert.Equal(Burst, fake.Heap.PagesFree);
    }

    [Fact]
    public void A_longer_burst_is_learned_when_it_comes_again()
    {
        using FakePages fake = new();
        fake.Add(0);
        RunBursts(fake, 5);
        for (int i = 0; i < 5; i++)
        {
            fake.Free(fake.Take(Burst + 150));
            Rounds(fake, 3);
        }

        Assert.Equal(Burst + 150, fake.Heap.PagesFree);
    }

    [Fact]
    public void The_pages_that_stay_are_those_that_serve_first()
    {
        using FakePages fake = new();

        // The oldest arena, which serves first, has the highest address.
        fake.Add(2);
        fake.Add(1);
        fake.Add(0);
        PageRun kept = fake.Take(fake.Geometry.MaxRun - Burst);
        RunBursts(fake, 5);
        PageRun[] more = [fake.Take(Burst), fake.Take(400), fake.Take(400)];
        Array.ForEach(more, run => fake.Free(run));
        Rounds(fake, 2);

        long free = fake.Heap.PagesFree;
        PageRun next = fake.Take(Burst);
        Assert.Equal(more[0].Address, next.Address);
        Assert.Equal(free - Burst, fake.Heap.PagesFree);
        fake.Free(next);
        fake.Free(kept);
        fake.Heap.Verify();
    }

    [Fact]
    public void A_program_that_grows_keeps_nothing()
    {
        using FakePages fake = new();
        fake.Add(0);
        for (int i = 0; i < 20; i++)
        {
            fake.Take(10);
            fake.Round();
        }

        Assert.Equal(0, fake.Retention.Pages);
    }

    [Fact]
    public void A_program_that_uses_all_it_has_is_not_taken_for_one_that_comes_back()
    {
        using FakePages fake = new();
        fake.Add(0);
        RunBursts(fake, 3);
        fake.Take(Burst);
        Rounds(fake, PageRetention.Rounds + 1);

        Assert.Equal(0, fake.Retention.Pages);
    }

    [Fact]
    public void No_more_than_the_bound_stays()
    {
        const int Most = (int)(PageRetention.MaxBytes >> PageGeometry.PageShift);
        using FakePages fake = new(pagesPerArena: PageGeometry.MaxPagesPerArena);
        int arenas = (Most / fake.Geometry.MaxRun) + 2;
        for (int i = 0; i < arenas; i++)
        {
            fake.Add(i);
        }

        for (int i = 0; i < 4; i++)
        {
            PageRun[] runs = [.. Enumerable.Range(0, arenas).Select(_ => fake.Take(fake.Geometry.MaxRun))];
            Array.ForEach(runs, run => fake.Free(run));
            Rounds(fake, 3);
        }

        Assert.Equal(Most, fake.Retention.Pages);
        Assert.InRange(fake.Heap.PagesFree, Most, Most + 64);
    }

    private static void RunBursts(FakePages fake, int count)
    {
        for (int i = 0; i < count; i++)
        {
            fake.Free(fake.Take(Burst));
            Rounds(fake, 3);
        }
    }

    private static int Rounds(FakePages fake, int count) => Enumerable.Range(0, count).Sum(_ => fake.Round());
}
