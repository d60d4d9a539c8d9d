using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

[Unguarded("it is about spans of many blocks, or what caches keep")]
public sealed unsafe class SpanScavengerTests
{
    private const int BlockSize = 1024;
    private const int Blocks = 4000;
    private const int KeptOneIn = 100;

    private static readonly uint s_class = SizeClasses.Of(BlockSize);

    // So many blocks in the large case: 2 GiB with the variable set.
    private static int ManyBlocks =>
        Environment.GetEnvironmentVariable("SPANHEAP_TEST_LARGE") == "1" ? 2 * 1024 * 1024 : 64 * 1024;

    [Fact]
    public void Memory_under_free_slots_goes_back_and_each_span_is_looked_at_once()
    {
        using NativeHeap heap = StressHeap.Still();
        Fill(heap);
        List<nint> before = Listed(heap);
        long discards = heap.GetStatistics().OsCalls.Discard;

        int looks = Walk(heap, idleOnly: false);

        Assert.Equal(before.Count, looks);
        Assert.Equal(before.Order(), Listed(heap).Order());
        Assert.All(before, static span => Assert.Equal(((Span*)span)->FreeSlots, ((Span*)span)->ScavengedSlots));
        Assert.InRange(heap.GetStatistics().OsCalls.Discard - discards, before.Count, before.Count * 3);
        heap.Verify();
    }

    [Theory]
    [InlineData(8)]
    [InlineData(1)]
    public void A_trim_looks_at_each_span_once_and_takes_the_lock_in_proportion(int part)
    {
        int count = ManyBlocks / part;
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = new nint[count];
        for (int i = 0; i < count; i++)
        {
            blocks[i] = (nint)heap.Alloc(BlockSize);
        }

        // A few free slots in most spans, next to none of which cover a page: each is worth a look and gives nothing.
        new Random(1).Shuffle(blocks);
        StressHeap.FreeAll(heap, blocks.Take(count / 12));

        heap.Trim();

        SpanScavenger scavenger = heap.Core.Scavenger;
        long spans = heap.GetStatistics().SizeClasses.Single(c => c.SizeClass == (int)s_class).Spans;
        Assert.InRange(scavenger.SpansLookedAt, spans / 2, spans + 100);
        Assert.InRange(scavenger.Steps, spans / ScavengeWalk.SpansPerStep, spans + 100);
    }

    [Fact]
    public void A_span_in_steady_use_is_let_be_and_its_neighbours_are_scavenged()
    {
        using NativeHeap heap = StressHeap.Still();
        Fill(heap);
        List<nint> spans = Listed(heap);
        Walk(heap, idleOnly: true);
        Assert.All(spans, static span => Assert.Equal(0, ((Span*)span)->ScavengedSlots));

        // The class is used all the time: its first span is refilled from.
        ThreadCache* cache = heap.Core.FindOwnCache();
        nint hot = (nint)ThreadCache.Bin(cache, s_class)->Head;
        heap.Alloc(BlockSize);
        Walk(heap, idleOnly: true);

        Assert.Equal(0, ((Span*)hot)->ScavengedSlots);
        Assert.All(spans.Where(span => span != hot), static span => Assert.Equal(((Span*)span)->FreeSlots, ((Span*)span)->ScavengedSlots));
        Assert.Equal(hot, (nint)ThreadCache.Bin(cache, s_class)->Head);
        heap.Verify();
    }

    [Fact]
    public void A_class_that_no_thread_uses_is_not_walked_over_again()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] live = Fill(heap);
        for (int round = 0; round < 3; round++)
        {
            heap.Core.Clock.Advance();
            Walk(heap, idleOnly: true);
        }

        heap.Core.Clock.Advance();
        Assert.Equal(0, Walk(heap, idleOnly: true));

        // One block comes back, without a refill.
        ThreadCache* cache = heap.Core.FindOwnCache();
        Return(heap, cache, live[0]);
        heap.Core.Clock.Advance();
        Assert.InRange(Walk(heap, idleOnly: true), 1, int.MaxValue);
    }

    [Fact]
    public void Memory_that_was_given_back_is_not_given_back_again_when_a_neighbour_comes_free()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] live = Fill(heap);
        Walk(heap, idleOnly: false);
        long discards = heap.GetStatistics().OsCalls.Discard;
        Return(heap, heap.Core.FindOwnCache(), live[0]);

        Walk(heap, idleOnly: false);
        Assert.InRange(heap.GetStatistics().OsCalls.Discard - discards, 1, 1);

        // But when it has become resident without the heap.
        heap.Core.Clock.Advance();
        heap.Core.Scavenger.Forget();
        Walk(heap, idleOnly: false);
        Assert.InRange(heap.GetStatistics().OsCalls.Discard - discards, Listed(heap).Count, int.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void A_span_that_a_block_comes_back_to_while_it_is_scavenged_stays_listed_once()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] live = Fill(heap);
        ThreadCache* cache = heap.Core.FindOwnCache();
        TakenSlots taken = default;
        cache->Lock.Enter();
        heap.Core.Scavenger.Take(cache, ThreadCache.Bin(cache, s_class)->Head, ref taken);
        cache->Lock.Exit();
        nint span = (nint)taken.Span;

        Return(heap, cache, live.First(block => (nint)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block)) == span));
        heap.Core.Scavenger.GiveBack(ref taken);

        heap.Verify();
    }

    // Spans with a block left here and there, and nothing parked; the blocks that are left.
    private static nint[] Fill(NativeHeap heap)
    {
        nint[] blocks = StressHeap.AllocateMany(heap, Blocks, BlockSize);
        StressHeap.FreeAll(heap, blocks.Where((_, i) => i % KeptOneIn != 0));
        heap.Core.Caches.DrainStacks(heap.Core.FindOwnCache());
        heap.Core.Caches.DrainBins(heap.Core.FindOwnCache(), idleOnly: false);
        return [.. blocks.Where((_, i) => i % KeptOneIn == 0)];
    }

    private static void Return(NativeHeap heap, ThreadCache* cache, nint block)
    {
        SpanReturn spanReturn = new(heap.Core.Spans, heap.Core.Misuse, new NotedCaches());
        cache->Lock.Enter();
        int others = spanReturn.Return(cache, &block, 1);
        cache->Lock.Exit();
        Assert.Equal(0, others);
    }

    // One walk over the spans of the class; how many were looked at.
    private static int Walk(NativeHeap heap, bool idleOnly)
    {
        SpanScavenger scavenger = heap.Core.Scavenger;
        ThreadCache* cache = heap.Core.FindOwnCache();
        ScavengeWalk walk = default;
        long before = scavenger.SpansLookedAt;
        for (bool on = scavenger.Begin(cache, s_class, idleOnly, &walk); on; on = walk.IsOn)
        {
            scavenger.Step(cache, idleOnly, &walk);
        }

        return (int)(scavenger.SpansLookedAt - before);
    }

    private static List<nint> Listed(NativeHeap heap)
    {
        List<nint> spans = [];
        for (Span* span = ThreadCache.Bin(heap.Core.FindOwnCache(), s_class)->Head; span != null; span = span->Next)
        {
            spans.Add((nint)span);
        }

        return spans;
    }
}
