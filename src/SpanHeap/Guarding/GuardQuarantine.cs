using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>Freed guarded spans, the oldest first, and how much address space they take. By the guard heap's lock.</summary>
internal unsafe struct GuardQuarantine
{
    private GuardedSpan* _oldest;
    private GuardedSpan* _newest;
    private long _spans;
    private long _pages;

    /// <summary>How many there are. Read without the lock by statistics.</summary>
    public readonly long Spans => Volatile.Read(in _spans);

    /// <summary>Their address space, in pages.</summary>
    public readonly long Pages => Volatile.Read(in _pages);

    public readonly GuardedSpan* Oldest => _oldest;

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

    /// <summary>Takes the oldest out; null when there is none.</summary>
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
