using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Records;

/// <summary>The spans of a sample's live blocks that still have their guard, the oldest first. Used under the lock of <see cref="GuardRecords"/>.</summary>
internal unsafe struct LiveGuards
{
    private IntrusiveList<Span> _spans;

    /// <summary>Adds a span as the youngest.</summary>
    public void Add(GuardedSpan* span) => _spans.AddLast((Span*)span);

    /// <summary>Removes a span if it is in the list.</summary>
    public void Remove(GuardedSpan* span)
    {
        if (_spans.Contains((Span*)span))
        {
            _spans.Remove((Span*)span);
        }
    }

    /// <summary>Removes the oldest span and returns it; null when there is none.</summary>
    public GuardedSpan* TakeOldest()
    {
        Span* oldest = _spans.First;
        if (oldest != null)
        {
            _spans.Remove(oldest);
        }

        return (GuardedSpan*)oldest;
    }
}
