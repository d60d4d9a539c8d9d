using SpanHeap.Guard.Records;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Quarantine;

/// <summary>A queue of freed guarded spans, the oldest first, and the address space that they take. Changed under the lock of <see cref="GuardRecords"/>.</summary>
internal unsafe struct QuarantineQueue
{
    private GuardedSpan* _oldest;
    private GuardedSpan* _newest;
    private long _spans;
    private long _pages;

    /// <summary>The number of spans in the queue. Statistics read it without the lock.</summary>
    public readonly long Spans => Volatile.Read(in _spans);

    /// <summary>The address space of these spans, in pages. Read without the lock as well.</summary>
    public readonly long Pages => Volatile.Read(in _pages);

    /// <summary>Adds a span as the newest.</summary>
    public void Add(GuardedSpan* span)
    {
        span->Span.Next = null;
        if (_newest == null)
        {
            _oldest = span;
        }
        else
        {
            _newest->Span.Next = (Span*)span;
        }

        _newest = span;
        _spans++;
        _pages += GuardedSpan.AddressPages(span);
    }

    /// <summary>Removes the oldest span and returns it; null when the queue is empty.</summary>
    public GuardedSpan* Take()
    {
        GuardedSpan* span = _oldest;
        if (span != null)
        {
            _oldest = (GuardedSpan*)span->Span.Next;
            _newest = _oldest == null ? null : _newest;
            _spans--;
            _pages -= GuardedSpan.AddressPages(span);
        }

        return span;
    }
}
