using System.Diagnostics.Tracing;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>How long the runtime stood still for each collection, from its own events: <c>GetGCMemoryInfo</c> only tells of the last.</summary>
internal sealed class DotnetPauses : EventListener
{
    private const string RuntimeEvents = "Microsoft-Windows-DotNETRuntime";
    private const EventKeywords CollectorEvents = (EventKeywords)1;

    // Reasons of a suspension that are the collector's.
    private const uint ForCollection = 1;
    private const uint ForPreparation = 6;

    // Events arrive later, in batches, on a thread of the runtime.
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly List<(DateTime Begin, double Ms)> _pauses = new(4096);
    private DateTime? _begin;

    /// <summary>The pauses since a time, in milliseconds. Waits for those that are still to be told of.</summary>
    public double[] Since(DateTime start) => [.. DatedSince(start).Select(pause => pause.Ms)];

    /// <summary>The same, with the time at which each began.</summary>
    public (DateTime Begin, double Ms)[] DatedSince(DateTime start)
    {
        Thread.Sleep(s_delay);
        lock (_lock)
        {
            return [.. _pauses.Where(pause => pause.Begin >= start)];
        }
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == RuntimeEvents)
        {
            EnableEvents(eventSource, EventLevel.Informational, CollectorEvents);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // The first can come before this object is made.
        if (_lock is null || _pauses is null)
        {
            return;
        }

        lock (_lock)
        {
            if (eventData.EventName == "GCSuspendEEBegin_V1")
            {
                _begin = eventData.Payload?[0] is ForCollection or ForPreparation ? eventData.TimeStamp : null;
            }
            else if (eventData.EventName == "GCRestartEEEnd_V1" && _begin is { } begin)
            {
                _pauses.Add((begin, (eventData.TimeStamp - begin).TotalMilliseconds));
                _begin = null;
            }
        }
    }
}
