using SpanHeap.Tests.Support;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Sweeping;

[Trait("Category", "Protocol")]
public sealed unsafe class SweepTokenTests
{
    private const uint Generation = SweepGeneration.First + SweepGeneration.Step;

    [Fact]
    public void Of_many_threads_that_want_a_span_one_gets_it()
    {
        const int Threads = 4;
        const int Spans = 2000;
        using TracedFakeArena arena = new();
        nint[] spans = [.. Enumerable.Range(0, Spans).Select(i => (nint)arena.MakeSpan(600 + (i * 2), 1, pages: 2))];
        Array.ForEach(spans, static span => ((TracedSpan*)span)->SweepGen = SweepGeneration.Unswept(Generation));
        int[] winners = new int[Spans];
        using Barrier together = new(Threads);
        StressThreads.Run(Threads, _ =>
        {
            for (int i = 0; i < Spans; i++)
            {
                if (i % 50 == 0)
                {
                    together.SignalAndWait();
                }

                if (SweepToken.TryAcquire((TracedSpan*)spans[i], Generation, out SweepToken token))
                {
                    Assert.True(token.IsValid && token.Span == (TracedSpan*)spans[i] && token.Generation == Generation);
                    Interlocked.Increment(ref winners[i]);
                }
                else
                {
                    Assert.False(token.IsValid);
                }
            }
        });

        Assert.All(winners, static count => Assert.Equal(1, count));
        Assert.All(spans, static span => Assert.Equal(SweepGeneration.BeingSwept(Generation), ((TracedSpan*)span)->SweepGen));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void What_is_not_unswept_is_not_to_be_had(int distance)
    {
        using TracedFakeArena arena = new();
        TracedSpan* span = arena.MakeSpan(600, 1);
        uint state = (uint)(Generation + distance);
        span->SweepGen = state;

        Assert.False(SweepToken.TryAcquire(span, Generation, out _));
        Assert.Equal(state, span->SweepGen);
    }

    [Fact]
    public void A_span_that_was_cached_is_swept_by_its_cache_alone()
    {
        using TracedFakeArena arena = new();
        TracedSpan* span = arena.MakeSpan(600, 1);
        span->SweepGen = SweepGeneration.Cached(Generation - SweepGeneration.Step);

        Assert.False(SweepToken.TryAcquire(span, Generation, out _));
        Assert.True(SweepToken.OfStaleCached(span, Generation).IsValid);
        nint again = (nint)span;
        Assert.Throws<HeapCorruptionException>(() =>
        {
            SweepToken.OfStaleCached((TracedSpan*)again, Generation);
        });
    }

    [Fact]
    public void A_record_that_was_never_a_span_is_in_no_state_of_a_cycle()
    {
        uint[] states =
        [
            SweepGeneration.Unswept(SweepGeneration.First), SweepGeneration.BeingSwept(SweepGeneration.First), SweepGeneration.First,
            SweepGeneration.StaleCached(SweepGeneration.First), SweepGeneration.Cached(SweepGeneration.First),
        ];

        Assert.DoesNotContain(0u, states);
        Assert.Equal(5, states.Distinct().Count());
        Assert.Equal(SweepGeneration.AllocBitmap(Generation), SweepGeneration.MarkBitmap(SweepGeneration.First));
        Assert.NotEqual(SweepGeneration.AllocBitmap(Generation), SweepGeneration.MarkBitmap(Generation));
        Assert.Equal(SweepGeneration.StaleCached(Generation), SweepGeneration.Cached(SweepGeneration.First));
    }
}
