using SpanHeap.Spans;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced;

/// <summary>Looks at every traced span of a heap that has just been collected, while no thread uses it.</summary>
internal static unsafe class TracedCensus
{
    /// <summary>Blocks that are allocated, small and large; checks on the way that all is swept and all bits are where they belong.</summary>
    public static (long Small, long Large) Take(TracedHeap heap)
    {
        uint generation = heap.Parts.Sweeper.Generation;
        Assert.True(heap.Parts.Sweeper.IsDone);
        long small = 0;
        long large = 0;
        long spans = 0;
        long pages = 0;
        TracedWalk walk = new(heap.Core.Pages);
        while (walk.MoveNext())
        {
            TracedSpan* span = walk.Current;
            spans++;
            pages += span->Span.Pages;
            bool kept = span->KeptNumber != 0;
            Assert.True(generation == span->SweepGen || (kept && span->Allocated == 0));
            Assert.NotEqual(kept, span->Span.Listed);
            Assert.Equal(span->Allocated, TracedSlots.Count(span, SweepGeneration.AllocBitmap(generation)));
            for (int word = 0; word < (span->Span.Slots == 1 ? 1 : TracedSlots.Words(span)); word++)
            {
                ulong allocated = *TracedSlots.Word(span, word, SweepGeneration.AllocBitmap(generation));
                Assert.Equal(0UL, allocated & ~TracedSlots.Starts(span, word));
                Assert.Equal(0UL, *TracedSlots.Word(span, word, SweepGeneration.MarkBitmap(generation)) & ~(heap.Parts.HasMinors ? allocated : 0));
            }

            bool isLarge = span->Span.SizeClass == SizeClasses.None;
            small += isLarge ? 0 : span->Allocated;
            large += isLarge ? span->Allocated : 0;
        }

        Assert.Equal((spans, pages), (heap.Parts.Spans.Count, heap.Parts.Spans.PagesInUse));
        AssertIdentities(heap);
        return (small, large);
    }

    /// <summary>What HeapStatistics says of its figures holds.</summary>
    public static void AssertIdentities(TracedHeap heap)
    {
        heap.Verify();
        HeapStatistics now = heap.Native.GetStatistics();
        Assert.Equal(now.PagesInUse, now.SizeClasses.Sum(static c => c.Pages) + now.TracedPages + now.Guard.Pages);
        Assert.Equal(now.Spans, now.SizeClasses.Sum(static c => c.Spans) + now.TracedSpans + now.Guard.LiveBlocks + now.Guard.QuarantinedBlocks);
        Assert.Equal(
            now.Arenas * heap.Core.Pages.Geometry.PagesPerArena,
            now.PagesInUse + now.PagesFree + now.PagesGivenBack + (now.Arenas * heap.Core.Pages.Geometry.HeaderPages));
        Assert.Equal((heap.Parts.Spans.Count, heap.Parts.Spans.PagesInUse), (now.TracedSpans, now.TracedPages));
    }
}
