using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

/// <summary>Giving memory back, with system pages of 4, 16 and 64 KiB (a page of ours, two, and eight).</summary>
public sealed class ScavengingTests
{
    public static TheoryData<int> SystemPages => [1, 2, 8];

    [Fact]
    public void Fresh_pages_are_known_to_be_zero_and_used_ones_are_not()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun run = fake.Take(10);
        Assert.False(run.NeedsZero);
        fake.Free(run);
        Assert.True(fake.Take(10).NeedsZero);
    }

    [Fact]
    public void One_used_page_makes_a_run_need_zeroing()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Free(fake.Take(1));
        Assert.True(fake.Take(100).NeedsZero);
        Assert.False(fake.Take(100).NeedsZero);
    }

    [Fact]
    public void An_arena_that_is_not_zero_needs_zeroing_from_the_start()
    {
        using FakePages fake = new();
        fake.Add(0, needsZero: true);
        Assert.True(fake.Take(1).NeedsZero);
    }

    [Fact]
    public void Never_touched_pages_are_not_scavenged()
    {
        using FakePages fake = new();
        fake.Add(0);
        Assert.Empty(fake.Scavenge(agedOnly: false));
    }

    [Theory]
    [MemberData(nameof(SystemPages))]
    public void Only_whole_system_pages_inside_free_runs_are_taken(int unit)
    {
        using FakePages fake = new(headerPages: 5, pagesPerSystemPage: unit);
        fake.Add(0);
        PageRun before = fake.Take(2);
        PageRun middle = fake.Take(41);
        fake.Take(1);
        fake.Free(middle);
        int start = fake.PageOf(before.End);
        int inner = (start + unit - 1) / unit * unit;
        int stop = (start + 41) / unit * unit;
        PageRun run = Assert.Single(fake.Scavenge(agedOnly: false));
        Assert.Equal((fake.At(0, inner), stop - inner), (run.Address, run.Pages));
        Assert.Equal(stop - inner + fake.Geometry.MaxRun - 44, fake.Heap.PagesGivenBack);
        Assert.Equal(41 - (stop - inner), fake.Heap.PagesFree);
        fake.Heap.Verify();
    }

    [Theory]
    [MemberData(nameof(SystemPages))]
    public void A_second_scavenge_finds_nothing(int unit)
    {
        using FakePages fake = new(pagesPerSystemPage: unit);
        fake.Add(0);
        fake.Free(fake.Take(200));
        Assert.NotEmpty(fake.Scavenge(agedOnly: false));
        Assert.Empty(fake.Scavenge(agedOnly: false));
        fake.Heap.Verify();
    }

    [Theory]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, false, true)]
    [InlineData(false, true, true)]
    public void What_was_discarded_is_zero_only_where_the_system_says_so(bool discarded, bool zero, bool needsZero)
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Free(fake.Take(64));
        fake.Scavenge(agedOnly: false, discarded, zero);
        Assert.Equal(needsZero, fake.Take(64).NeedsZero);
    }

    [Fact]
    public void A_refused_discard_leaves_the_pages_free_and_resident()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Free(fake.Take(64));
        Assert.Single(fake.Scavenge(agedOnly: false, discarded: false));
        Assert.Equal(64, fake.Heap.PagesFree);
        Assert.Single(fake.Scavenge(agedOnly: false));
        Assert.Equal(0, fake.Heap.PagesFree);
        fake.Heap.Verify();
    }

    [Fact]
    public void Pages_are_aged_only_by_a_look_while_they_are_free()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun old = fake.Take(10);
        PageRun young = fake.Take(10);
        fake.Take(1);
        fake.Free(old);
        fake.Age();
        fake.Free(young);
        PageRun run = Assert.Single(fake.Scavenge(agedOnly: true));
        Assert.Equal(old, run with { NeedsZero = old.NeedsZero });
    }

    [Fact]
    public void Pages_used_since_the_look_are_young_again()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun run = fake.Take(10);
        fake.Free(run);
        fake.Age();
        fake.Free(fake.Take(10));
        Assert.Empty(fake.Scavenge(agedOnly: true));
        fake.Age();
        Assert.Single(fake.Scavenge(agedOnly: true));
    }

    [Fact]
    public void Pages_being_scavenged_are_handed_to_no_thread()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun run = fake.Take(10);
        fake.Free(run);
        nint from = 0;
        Assert.True(fake.TakeNext(ref from, agedOnly: false, out PageRun taken));
        PageRun other = fake.Take(10);
        Assert.Equal(run.End, other.Address);
        fake.Scavenging.FinishScavenge(taken, discarded: true, zero: true);
        Assert.Equal(run.Address, fake.Take(10).Address);
        fake.Heap.Verify();
    }

    [Fact]
    public void The_search_goes_on_after_an_address()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Add(1);
        PageRun[] runs = [fake.Take(10), fake.Take(10), fake.Take(10)];
        PageRun last = fake.Take(fake.Geometry.MaxRun);
        fake.Free(runs[0]);
        fake.Free(runs[2]);
        fake.Free(last);
        nint from = runs[0].End;
        Assert.True(fake.TakeNext(ref from, agedOnly: false, out PageRun second));
        Assert.Equal((runs[2].Address, runs[2].End), (second.Address, from));

        // A long run comes in pieces, one after the other.
        nint end = last.Address;
        while (fake.TakeNext(ref from, agedOnly: false, out PageRun piece))
        {
            Assert.Equal(end, piece.Address);
            end = piece.End;
        }

        Assert.Equal(last.End, end);
    }

    [Fact]
    public void An_empty_arena_is_released_once_until_it_is_used_again()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Add(1);
        PageRun used = fake.Take(1);
        Assert.True(fake.TakeEmptyArena(out PageRun whole));
        Assert.Equal((fake.At(1, fake.Geometry.HeaderPages), fake.Geometry.MaxRun), (whole.Address, whole.Pages));
        fake.Scavenging.ReturnUntouched(whole);
        Assert.False(fake.TakeEmptyArena(out _));

        fake.Free(used);
        Assert.True(fake.TakeEmptyArena(out whole));
        Assert.Equal(used.Address, whole.Address);
        fake.Scavenging.ReturnUntouched(whole);
        Assert.False(fake.TakeEmptyArena(out _));

        fake.Free(fake.Take(1));
        Assert.True(fake.TakeEmptyArena(out whole));
        fake.Scavenging.ReturnUntouched(whole);
        fake.Heap.Verify();
    }

    [Fact]
    public void Holding_an_arena_and_returning_it_changes_nothing_that_is_known_of_its_pages()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Free(fake.Take(10));
        Assert.True(fake.TakeEmptyArena(out PageRun whole));
        Assert.Equal((0L, 0L), (fake.Heap.PagesFree, fake.Heap.PagesGivenBack));
        fake.Scavenging.ReturnUntouched(whole);

        // Not one of the pages that were never touched counts as resident.
        Assert.Equal((10L, fake.Geometry.MaxRun - 10L), (fake.Heap.PagesFree, fake.Heap.PagesGivenBack));
        fake.Heap.Verify();
    }

    [Fact]
    public void What_the_system_refuses_is_not_idle_again_before_it_is_used_or_retried()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun run = fake.Take(64);
        fake.Free(run);
        Assert.True(fake.Age());
        Assert.Single(fake.Scavenge(agedOnly: true, discarded: false));
        Assert.Equal((64L, 64L), (fake.Heap.PagesFree, fake.Scavenging.PagesRefused));
        Assert.False(fake.Age());
        Assert.Empty(fake.Scavenge(agedOnly: true));

        Assert.True(fake.Age(retry: true));
        Assert.Equal(0, fake.Scavenging.PagesRefused);
        Assert.Single(fake.Scavenge(agedOnly: true, discarded: false));

        fake.Free(fake.Take(64));
        Assert.Equal(0, fake.Scavenging.PagesRefused);
        Assert.True(fake.Age());
        Assert.Single(fake.Scavenge(agedOnly: true));
        fake.Heap.Verify();
    }

    [Fact]
    public void Pages_that_became_resident_without_the_heap_are_found_and_scavenged()
    {
        using FakePages fake = new();
        fake.Add(0);
        PageRun run = fake.Take(20);
        fake.Take(1);
        fake.Free(run);
        fake.Scavenge(agedOnly: false);
        nint from = 0;
        Assert.True(fake.Scavenging.FindGivenBack(ref from, 1000, out PageRun givenBack));
        Assert.Equal((run.Address, run.Pages, run.End), (givenBack.Address, givenBack.Pages, from));

        PageRun meanwhile = fake.Take(5);
        fake.Scavenging.NoteResident(givenBack.Address, 10);

        Assert.Equal(5, fake.Heap.PagesFree);
        fake.Heap.Verify();
        Assert.Equal((meanwhile.End, 5), (Assert.Single(fake.Scavenge(agedOnly: false)) is var found ? (found.Address, found.Pages) : default));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void A_whole_scavenge_looks_at_each_word_a_few_times_however_many_arenas_there_are(int arenas)
    {
        using FakePages fake = new(pagesPerArena: 512);
        List<PageRun> runs = [];
        for (int arena = 0; arena < arenas; arena++)
        {
            fake.Add(arena);
            while (fake.Heap.TryAllocate(3, 1, 0, out PageRun run))
            {
                runs.Add(run);
            }
        }

        for (int i = 0; i < runs.Count; i += 2)
        {
            fake.Free(runs[i]);
        }

        fake.Age();
        long before = fake.Scavenging.WordsScanned;
        int found = fake.Scavenge(agedOnly: true).Count;

        Assert.InRange(found, arenas * 80, arenas * 90);
        Assert.InRange(fake.Scavenging.WordsScanned - before, found, found + (arenas * 512 / 64 * 2));
        Assert.False(fake.Age());
    }

    [Theory]
    [MemberData(nameof(SystemPages))]
    public void Random_use_keeps_counts_and_summaries_right_while_a_scavenger_goes_round(int unit)
    {
        using FakePages fake = new(pagesPerSystemPage: unit);
        fake.Add(0);
        fake.Add(1);
        Random random = new(unit);
        List<PageRun> live = [];
        for (int i = 0; i < 3000; i++)
        {
            if (random.Next(2) == 0 && fake.Heap.TryAllocate(random.Next(1, 40), 1, 0, out PageRun run))
            {
                live.Add(run);
            }
            else if (live.Count > 0)
            {
                int index = random.Next(live.Count);
                fake.Free(live[index]);
                live.RemoveAt(index);
            }

            if (i % 50 == 0)
            {
                foreach (PageRun scavenged in fake.Scavenge(agedOnly: true))
                {
                    Assert.Equal(0, fake.PageOf(scavenged.Address) % unit);
                    Assert.Equal(0, scavenged.Pages % unit);
                }

                fake.Age();
                fake.Heap.Verify();
            }
        }
    }

    [Fact]
    public void An_arenas_addresses_go_after_its_memory_has_been_gone_for_a_while_and_never_the_last_ones()
    {
        using FakePages fake = new();
        fake.Add(0);
        fake.Add(1);
        Assert.False(TryTake(fake, 0, times: 100), "its memory has not gone");

        while (fake.TakeEmptyArena(out PageRun run))
        {
            fake.Scavenging.ReturnUntouched(run);
        }

        Assert.False(TryTake(fake, 0, times: 8));
        Assert.True(TryTake(fake, 0, times: 1));
        Assert.False(TryTake(fake, 1, times: 100), "it is the last");
        Assert.Equal(1, fake.Heap.ArenaCount);
        fake.Heap.Verify();

        fake.Heap.ExtendArena(fake.At(0, 0), fake.Geometry.MaxRun, fresh: true);
        Assert.Equal(2, fake.Heap.ArenaCount);
        fake.Take(fake.Geometry.MaxRun);
        fake.Take(fake.Geometry.MaxRun);
        Assert.Equal(0, fake.Heap.IdleRecordBytes);
        fake.Heap.Verify();
    }

    private static bool TryTake(FakePages fake, int arena, int times)
    {
        bool taken = false;
        for (int i = 0; i < times; i++)
        {
            taken |= fake.Heap.TryTakeArena(fake.At(arena, 0), idleOnly: true, out _);
        }

        return taken;
    }
}
