using SpanHeap.Os;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>Takes spans back that a cache had. No other thread can have them.</summary>
/// <remarks>Used by the thread that has the cache.</remarks>
internal sealed unsafe class CachedSpans(TracedSpanSource spans, Sweeper sweeper)
{
    /// <summary>Takes a span that was swept: it becomes free pages if nothing is allocated in it, or goes to its set.</summary>
    public void TakeSwept(TracedSpan* span, uint generation)
    {
        SweepFault.ThrowUnless(SweepGeneration.Of(span) == SweepGeneration.Cached(generation), span, generation, "a cache has");
        Volatile.Write(ref span->SweepGen, generation);
        InterleavingPoints.At(InterleavingPoint.SpanUncached);
        if (span->Allocated == 0)
        {
            // Nothing was ever allocated from it, or everything was given back.
            spans.Release(span);
            return;
        }

        spans.SetOf(span->SpanClass)->AddSwept(span, generation);
    }

    /// <summary>Takes a span, after a sweep if the cache has had it since before the cycle.</summary>
    public void Take(TracedSpan* span, uint generation)
    {
        if (SweepGeneration.Of(span) == SweepGeneration.StaleCached(generation))
        {
            sweeper.SweepStaleCached(SweepToken.OfStaleCached(span, generation));
        }
        else
        {
            TakeSwept(span, generation);
        }
    }
}
