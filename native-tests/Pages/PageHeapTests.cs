using SpanHeap.Pages;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Pages;

public sealed class PageHeapTests : IDisposable
{
    private readonly FakePages _fake = new();

    public void Dispose() => _fake.Dispose();

    [Fact]
    public void A_heap_without_arenas_has_no_run()
    {
        Assert.False(_fake.Heap.TryAllocate(1, 1, 0, out _));
        _fake.Heap.Verify();
    }

    [Fact]
    public void The_first_run_begins_after_the_header()
    {
        _fake.Add(0);
        Assert.Equal(_fake.At(0, _fake.Geometry.HeaderPages), _fake.Take(1).Address);
    }

    [Fact]
    public void An_arena_holds_its_longest_run_and_no_longer_one()
    {
        _fake.Add(0);
        Assert.False(_fake.Heap.TryAllocate(_fake.Geometry.MaxRun + 1, 1, 0, out _));
        _fake.Take(_fake.Geometry.MaxRun);
        Assert.False(_fake.Heap.TryAllocate(1, 1, 0, out _));
        _fake.Heap.Verify();
    }

    [Fact]
    public void Arenas_that_touch_are_not_joined()
    {
        _fake.Add(0);
        _fake.Add(1);
        Assert.False(_fake.Heap.TryAllocate(_fake.Geometry.MaxRun + 1, 1, 0, out _));
    }

    [Fact]
    public void Arenas_serve_in_the_order_they_came_in_wherever_they_lie()
    {
        int[] arenas = [3, 0, 2, 1];
        foreach (int arena in arenas)
        {
            _fake.Add(arena);
        }

        foreach (int arena in arenas)
        {
            Assert.Equal(_fake.At(arena, _fake.Geometry.HeaderPages), _fake.Take(_fake.Geometry.MaxRun).Address);
        }
    }

    [Fact]
    public void Freed_neighbours_are_one_run_again_in_any_order_of_freeing()
    {
        _fake.Add(0);
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        foreach (int[] order in orders)
        {
            PageRun[] runs = [_fake.Take(100), _fake.Take(200), _fake.Take(_fake.Geometry.MaxRun - 300)];
            foreach (int i in order)
            {
                _fake.Free(runs[i]);
                _fake.Heap.Verify();
            }

            PageRun whole = _fake.Take(_fake.Geometry.MaxRun);
            Assert.Equal(runs[0].Address, whole.Address);
            _fake.Free(whole);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(256)]
    public void An_aligned_run_is_the_lowest_that_is_aligned(int alignment)
    {
        _fake.Add(0);
        _fake.Take(1);
        PageRun run = _fake.Take(3, alignment);
        int first = _fake.Geometry.HeaderPages + 1;
        Assert.Equal(_fake.At(0, (first + alignment - 1) / alignment * alignment), run.Address);
        _fake.Heap.Verify();
    }

    [Fact]
    public void An_alignment_that_no_place_has_is_refused_and_changes_nothing()
    {
        _fake.Add(0);
        Assert.False(_fake.Heap.TryAllocate(300, 256, 0, out _));
        Assert.Equal(0, _fake.Heap.PagesInUse);
        _fake.Heap.Verify();
    }

    [Fact]
    public void A_run_with_room_goes_where_as_much_is_free_after_it()
    {
        _fake.Add(0);
        PageRun hole = _fake.Take(10);
        _fake.Take(1);
        _fake.Free(hole);
        PageRun roomy = _fake.Take(5, room: 20);
        Assert.Equal(hole.End + PageGeometry.PageSize, roomy.Address);
        Assert.Equal(hole.Address, _fake.Take(5, room: 5).Address);
    }

    [Fact]
    public void Room_is_a_wish_only()
    {
        _fake.Add(0);
        Assert.Equal(_fake.At(0, _fake.Geometry.HeaderPages), _fake.Take(5, room: 10_000).Address);
    }

    [Fact]
    public void A_run_extends_into_free_pages_after_it()
    {
        _fake.Add(0);
        PageRun run = _fake.Take(10);
        Assert.True(_fake.Heap.TryExtend(run.End, 7, out PageRun more));
        Assert.Equal((run.End, 7), (more.Address, more.Pages));
        Assert.Equal(17, _fake.Heap.PagesInUse);
        _fake.Heap.Verify();
        _fake.Heap.Free(run.Address, 17);
        _fake.Heap.Verify();
    }

    [Fact]
    public void A_run_does_not_extend_into_used_pages()
    {
        _fake.Add(0);
        PageRun run = _fake.Take(10);
        PageRun gap = _fake.Take(5);
        _fake.Take(1);
        _fake.Free(gap);
        Assert.False(_fake.Heap.TryExtend(run.End, 6, out _));
        Assert.Equal(11, _fake.Heap.PagesInUse);
        Assert.True(_fake.Heap.TryExtend(run.End, 5, out _));
        _fake.Heap.Verify();
    }

    [Fact]
    public void A_run_at_an_arenas_end_does_not_extend_into_the_next_arena()
    {
        _fake.Add(0);
        _fake.Add(1);
        PageRun run = _fake.Take(_fake.Geometry.MaxRun);
        Assert.False(_fake.Heap.TryExtend(run.End, 1, out _));
        _fake.Heap.Verify();
    }

    [Fact]
    public void A_short_arena_serves_what_it_has_and_more_when_it_becomes_longer()
    {
        _fake.AddShort(0, _fake.Geometry.HeaderPages + 20);
        PageRun run = _fake.Take(15);
        Assert.False(_fake.Heap.HasRun(6, 1));
        Assert.False(_fake.Heap.TryExtend(run.End, 6, out _));
        _fake.Heap.Verify();

        _fake.Heap.ExtendArena(_fake.At(0, 0), 10, fresh: true);

        _fake.Heap.Verify();
        Assert.Equal(15, _fake.Heap.PagesGivenBack);
        Assert.True(_fake.Heap.TryExtend(run.End, 15, out _));
        Assert.False(_fake.Heap.HasRun(1, 1));
        _fake.Heap.Free(run.Address, 30);
        Assert.True(_fake.TakeEmptyArena(out PageRun all));
        Assert.Equal(30, all.Pages);
        _fake.Scavenging.FinishScavenge(all, discarded: true, zero: true);
        _fake.Heap.Verify();
    }

    [Theory]
    [InlineData(512)]
    [InlineData(PageGeometry.MaxPagesPerArena)]
    public void A_run_does_not_extend_past_its_arenas_end(int pagesPerArena)
    {
        using FakePages fake = new(pagesPerArena, headerPages: 0);
        fake.Add(0);

        // Its first pages are resident and dirty: what lies after its last bit in memory may say so.
        fake.Free(fake.Take(100));
        PageRun run = fake.Take(fake.Geometry.MaxRun - 3);
        Assert.False(fake.Heap.TryExtend(run.End, 4, out _));
        Assert.True(fake.Heap.TryExtend(run.End, 3, out _));
    }

    [Fact]
    public void Counts_add_up_to_all_pages_after_headers()
    {
        _fake.Add(0);
        _fake.Add(1);
        PageRun run = _fake.Take(100);
        _fake.Take(50);
        _fake.Free(run);
        Assert.Equal(50, _fake.Heap.PagesInUse);
        Assert.Equal(100, _fake.Heap.PagesFree);
        Assert.Equal((2 * _fake.Geometry.MaxRun) - 150, _fake.Heap.PagesGivenBack);
        _fake.Heap.Verify();
    }

    [Fact]
    public void Verify_shows_every_free_run_once()
    {
        _fake.Add(0);
        PageRun first = _fake.Take(10);
        _fake.Take(10);
        _fake.Free(first);
        List<(nint, int)> runs = [];
        _fake.Heap.Verify((address, pages) => runs.Add((address, pages)));
        int taken = _fake.Geometry.HeaderPages + 20;
        Assert.Equal([(first.Address, 10), (_fake.At(0, taken), _fake.Geometry.PagesPerArena - taken)], runs);
    }

    [UnassertedFact]
    public void Verify_notices_pages_that_are_freed_twice()
    {
        _fake.Add(0);
        PageRun run = _fake.Take(10);
        _fake.Free(run);
        _fake.Free(run);
        Assert.Throws<HeapCorruptionException>(() => _fake.Heap.Verify());
    }

    [Fact]
    public void Arenas_are_enumerated_by_age()
    {
        int[] arenas = [2, 0, 1];
        foreach (int arena in arenas)
        {
            _fake.Add(arena);
        }

        for (int i = 0; i < 3; i++)
        {
            Assert.True(_fake.Heap.TryGetArena(i, out nint address));
            Assert.Equal(_fake.At(arenas[i], 0), address);
        }

        Assert.False(_fake.Heap.TryGetArena(3, out _));
        Assert.Equal(3, _fake.Heap.ArenaCount);
    }
}
