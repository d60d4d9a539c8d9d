using System.Diagnostics;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Collections that are due because the heap has grown, and the scopes that hold them up.</summary>
internal sealed unsafe partial class Collector
{
    // When a due collection may be tried again, in Stopwatch ticks: after one that threads in scopes held up.
    private long _retryAt;

    /// <summary>Collects because the heap has grown, if no other thread does and no scope is in the way. The calling thread is in no scope.</summary>
    public void TryCollectDue()
    {
        if (Stopwatch.GetTimestamp() < Volatile.Read(ref _retryAt) || !_collecting.TryEnter())
        {
            return;
        }

        CollectionHeldUpEventArgs? heldUp = null;
        try
        {
            if (!heap.Pacer.IsDue)
            {
                return;
            }

            _background.ThrowFailure();

            double overshoot = heap.Pacer.Overshoot;
            TimeSpan patience = _patience.At(overshoot);
            if (heap.Gate.TryClose(patience, out TracedCache* holdUp))
            {
                RunClosed(heap.Pacer.DueReason, flushAll: heap.Spans.NeedExactBits || heap.Pacer.HasRefused);
            }
            else
            {
                // Not at each scope, and not for ever: as long again as was waited in vain, ten times over. A heap at its limit serves nobody
                // until it is collected, so it rests no longer than after the shortest wait.
                _heldUp++;
                heldUp = ScopeWatchdog.TryReport(heap, holdUp, _cycles, patience);
                TimeSpan rest = 10 * (double.IsPositiveInfinity(overshoot) ? _patience.First : patience);
                Volatile.Write(ref _retryAt, Stopwatch.GetTimestamp() + (rest.Ticks * Stopwatch.Frequency / TimeSpan.TicksPerSecond));
            }
        }
        finally
        {
            _collecting.Exit();
        }

        if (heldUp != null)
        {
            heap.OnHeldUp?.Invoke(heldUp);
        }
    }

    /// <summary>
    /// Names the scope in which the calling thread is, if that holds up a collection that is long due: for a thread that enters scopes
    /// only within it, and so never comes to where collections begin.
    /// </summary>
    public void ReportOwnScope(TracedCache* cache)
    {
        if (!heap.Pacer.IsOutgrown || !_collecting.TryEnter())
        {
            return;
        }

        CollectionHeldUpEventArgs? heldUp;
        try
        {
            heldUp = ScopeWatchdog.TryReport(heap, cache, _cycles, TimeSpan.Zero);
            _heldUp += heldUp != null ? 1 : 0;
        }
        finally
        {
            _collecting.Exit();
        }

        if (heldUp != null)
        {
            heap.OnHeldUp?.Invoke(heldUp);
        }
    }
}
