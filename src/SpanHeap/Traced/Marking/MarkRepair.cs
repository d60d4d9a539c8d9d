using SpanHeap.Pages;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Completes a marking whose markers have found nothing left: follows weak entries, and finds what there was not enough memory to queue. Also undoes
/// a marking that is given up.
/// </summary>
/// <remarks>Used by the collecting thread, while the gate is closed and no other thread marks.</remarks>
internal sealed unsafe class MarkRepair(PageHeap pages, MarkQueue queue, WeakArrays weak)
{
    /// <summary>How often the last marking has walked over all pages, because there was no memory to queue some.</summary>
    public int LastWalks { get; private set; }

    /// <summary>Notes that a marking begins.</summary>
    public void Begin()
    {
        LastWalks = 0;
        weak.Begin();
    }

    /// <summary>Marks what weak entries lead to, and what waits on pages that were not queued, until nothing is left. The bytes marked are added.</summary>
    /// <param name="bitmap">The bitmap with the marks.</param>
    /// <param name="overflowed">Whether there was no memory to queue some pages.</param>
    /// <param name="bytes">The bytes that are marked.</param>
    /// <returns>The reason why it gave up, or null.</returns>
    public Exception? Complete(uint bitmap, bool overflowed, ref long bytes)
    {
        if (!overflowed && weak.IsEmpty)
        {
            return null;
        }

        try
        {
            Marker marker = new(queue, weak, bitmap, shared: false) { Overflowed = overflowed };
            try
            {
                do
                {
                    Drain(marker);
                    while (marker.Overflowed)
                    {
                        marker.Overflowed = false;
                        LastWalks++;
                        MarkAgain(marker);
                    }
                }
                while (weak.MarkMore(marker, bitmap));
            }
            finally
            {
                marker.Release();
            }

            bytes += marker.BytesMarked;
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    // Somewhere in the heap lie pages with blocks that wait: there was no memory to queue them. Each is looked at with an empty queue, so that each gets
    // somewhere, however little memory there is.
    private void MarkAgain(Marker marker)
    {
        TracedWalk walk = new(pages);
        while (walk.MoveNext())
        {
            for (int page = 0; page < TracedSlots.PagesWithBits(walk.Current); page++)
            {
                if (marker.VisitAgain(TracedSlots.PageAt(walk.Current, page)))
                {
                    Drain(marker);
                }
            }
        }
    }

    private void Drain(Marker marker)
    {
        queue.Begin(1);
        marker.Drain();
    }

    /// <summary>Makes the heap as it was before marking: removes all marks, and what waits.</summary>
    public void Undo(uint bitmap)
    {
        queue.Clear();
        weak.Forget();
        TracedWalk walk = new(pages);
        while (walk.MoveNext())
        {
            TracedSlots.Clear(walk.Current, bitmap);
            TracedSlots.Clear(walk.Current, TracedBits.Waiting);
            for (int page = 0; page < TracedSlots.PagesWithBits(walk.Current); page++)
            {
                *TracedBits.QueuedOf(TracedSlots.PageAt(walk.Current, page)) = 0;
            }
        }
    }
}
