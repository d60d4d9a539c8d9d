using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>A first-in, first-out queue of spans in quarantine. Guarded by the lock of the quarantine; linked by <see cref="Span.Next"/>.</summary>
internal unsafe struct KeptSpanQueue
{
    private TracedSpan* _last;

    /// <summary>The oldest span; null if the queue is empty.</summary>
    public TracedSpan* First { get; private set; }

    public static TracedSpan* Next(TracedSpan* span) => (TracedSpan*)span->Span.Next;

    public void Add(TracedSpan* span)
    {
        Invariant.Assert(span->Span.Next == null && span != _last, "A span is in one queue, once.");
        span->Span.Next = null;
        if (First == null)
        {
            First = span;
        }
        else
        {
            _last->Span.Next = (Span*)span;
        }

        _last = span;
    }

    /// <summary>Takes the oldest span; there is one.</summary>
    public TracedSpan* Take()
    {
        TracedSpan* span = First;
        Invariant.Assert(span != null, "There is a span.");
        First = Next(span);
        _last = First == null ? null : _last;
        span->Span.Next = null;
        return span;
    }
}
