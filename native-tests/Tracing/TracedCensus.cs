using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tracing;

namespace SpanHeap.Tests.Tracing;

/// <summary>Looks at every traced span of a heap that has just been collected, while nobody uses it.</summary>
internal static unsafe class TracedCensus
{
    /// <summary>Blocks that are allocated, small and large; checks on the way that all is swept and all bits are where they belong.</summary>
    public static (long Small, long Large) Take(NativeHeap heap)
    {
        uint generation = heap.Traced.Sweeper.Generation;
        Assert.True(heap.Traced.Sweeper.IsDone);
        long small = 0;
        long large = 0;
        long spans = 0;
        long pages = 0;
        TracedWalk walk = new(heap.Core);
        while (walk.MoveNext())
        {
            TracedSpan* span = walk.Current;
            spans++;
            pages += span->Span.Pages;
            Assert.Equal(generation, span->SweepGen);
            Assert.True(span->Span.Listed);
            Assert.Equal(span->Allocated, TracedSlots.Count(span, SweepGeneration.AllocPlane(generation)));
            Assert.Equal(0, TracedSlots.Count(span, SweepGeneration.MarkPlane(generation)));
            for (int word = 0; word < (span->Span.Slots == 1 ? 1 : TracedSlots.Words(span)); word++)
            {
                Assert.Equal(0UL, *TracedSlots.Word(span, word, SweepGeneration.AllocPlane(generation)) & ~TracedSlots.Starts(span, word));
            }

            bool isLarge = span->Span.SizeClass == SizeClasses.None;
            small += isLarge ? 0 : span->Allocated;
            large += isLarge ? span->Allocated : 0;
        }

        Assert.Equal((spans, pages), (heap.Traced.Spans.Count, heap.Traced.Spans.PagesInUse));
        AssertIdentities(heap);
        return (small, large);
    }

    /// <summary>What HeapStatistics says of its figures holds.</summary>
    public static void AssertIdentities(NativeHeap heap)
    {
        heap.Verify();
        HeapStatistics now = heap.GetStatistics();
        Assert.Equal(now.PagesInUse, now.SizeClasses.Sum(static c => c.Pages) + now.TracedPages + now.Guard.Pages);
        Assert.Equal(now.Spans, now.SizeClasses.Sum(static c => c.Spans) + now.TracedSpans + now.Guard.LiveBlocks + now.Guard.QuarantinedBlocks);
        Assert.Equal(
            now.Arenas * heap.Core.Pages.Geometry.PagesPerArena,
            now.PagesInUse + now.PagesFree + now.PagesGivenBack + (now.Arenas * heap.Core.Pages.Geometry.HeaderPages));
        Assert.Equal((heap.Traced.Spans.Count, heap.Traced.Spans.PagesInUse), (now.TracedSpans, now.TracedPages));
    }
}
