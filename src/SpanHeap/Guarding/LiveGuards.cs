using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>The spans of a sample's blocks that live and have their guard, the oldest first. By the guard heap's lock.</summary>
internal unsafe struct LiveGuards
{
    private Span* _oldest;
    private Span* _newest;

    public void Add(GuardedSpan* span)
    {
        Span* added = (Span*)span;
        added->Next = null;
        added->Previous = _newest;
        if (_newest != null)
        {
            _newest->Next = added;
        }
        else
        {
            _oldest = added;
        }

        _newest = added;
    }

    /// <summary>Takes a span out, if it is in.</summary>
    public void Remove(GuardedSpan* span)
    {
        Span* removed = (Span*)span;
        if (removed->Previous == null && removed != _oldest)
        {
            return;
        }

        if (removed->Previous != null)
        {
            removed->Previous->Next = removed->Next;
        }
        else
        {
            _oldest = removed->Next;
        }

        if (removed->Next != null)
        {
            removed->Next->Previous = removed->Previous;
        }
        else
        {
            _newest = removed->Previous;
        }

        removed->Next = removed->Previous = null;
    }

    /// <summary>Takes the oldest out; null when there is none.</summary>
    public GuardedSpan* TakeOldest()
    {
        Span* oldest = _oldest;
        if (oldest != null)
        {
            Remove((GuardedSpan*)oldest);
        }

        return (GuardedSpan*)oldest;
    }
}
