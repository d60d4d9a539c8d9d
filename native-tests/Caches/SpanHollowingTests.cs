using SpanHeap.Caches;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

[Unguarded("it is about spans of many blocks, or what caches keep")]
public sealed unsafe class SpanHollowingTests
{
    private const int BlockSize = 1024;
    private const int Blocks = 4000;
    private const int KeptOneIn = 100;

    [Fact]
    public void Hollowed_spans_stand_behind_the_others_and_are_met_once()
    {
        using NativeHeap heap = StressHeap.Still();
        Fill(heap);
        ThreadCache* cache = heap.Core.FindOwnCache();
        List<nint> before = Listed(cache);

        heap.Core.HollowSpans(cache, idleOnly: false);

        // Each was taken from the head and put behind all: so the order is what it was.
        Assert.True(before.Count > 10);
        Assert.Equal(before, Listed(cache));
        Assert.All(before, static span => Assert.Equal(((Span*)span)->FreeSlots, ((Span*)span)->HollowSlots));
        heap.Verify();
    }

    [Fact]
    public void A_span_that_a_block_comes_back_to_while_it_is_hollowed_stays_listed_once()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] live = Fill(heap);
        ThreadCache* cache = heap.Core.FindOwnCache();
        ClassShelf* shelf = ThreadCache.Shelf(cache, SizeClasses.Of(BlockSize));
        BlockReturn blockReturn = new(heap.Core.Spans, heap.Core.Misuse, heap.Core.Registry);
        SpanHollowing hollowing = new(blockReturn);

        Assert.True(hollowing.TryTake(cache, shelf, uint.MaxValue, out HollowSpan hollow));
        nint span = (nint)hollow.Span;
        nint kept = live.First(block => (nint)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block)) == span);
        cache->Lock.Enter();
        int others = blockReturn.Return(cache, &kept, 1);
        cache->Lock.Exit();
        hollowing.GiveBack(ref hollow);

        Assert.Equal(0, others);
        heap.Verify();
    }

    // Spans with a block left here and there, and nothing parked; the blocks that are left.
    private static nint[] Fill(NativeHeap heap)
    {
        nint[] blocks = StressHeap.AllocateMany(heap, Blocks, BlockSize);
        StressHeap.FreeAll(heap, blocks.Where((_, i) => i % KeptOneIn != 0));
        heap.Core.DrainOwnStacks();
        heap.Core.DrainShelves(heap.Core.FindOwnCache(), idleOnly: false);
        return [.. blocks.Where((_, i) => i % KeptOneIn == 0)];
    }

    private static List<nint> Listed(ThreadCache* cache)
    {
        List<nint> spans = [];
        for (Span* span = ThreadCache.Shelf(cache, SizeClasses.Of(BlockSize))->Head; span != null; span = span->Next)
        {
            spans.Add((nint)span);
        }

        return spans;
    }
}
