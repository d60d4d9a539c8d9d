using SpanHeap.Pages;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>Completes a marking for which there was not enough memory, and undoes one that is given up. Both walk over all pages of the heap.</summary>
/// <remarks>Used by the collecting thread, while the gate is closed and no other thread marks.</remarks>
internal sealed unsafe class MarkRepair(PageHeap pages, MarkQueue queue)
{
    /// <summary>How often the last marking has walked over all pages, because there was no memory to queue some.</summary>
    public int LastWalks { get; private set; }

    /// <summary>Notes that a marking begins.</summary>
    public void Begin() => LastWalks = 0;

    /// <summary>Queues all pages with blocks that wait, and marks, until none is left. The bytes marked are added.</summary>
    /// <returns>The reason why it gave up, or null.</returns>
    public Exception? MarkUntilDone(uint bitmap, ref long bytes)
    {
        try
        {
            Marker marker = new(queue, bitmap, shared: false);
            try
            {
                do
                {
                    marker.Overflowed = false;
                    LastWalks++;
                    MarkAgain(marker);
                }
                while (marker.Overflowed);
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
                    queue.Begin(1);
                    marker.Drain();
                }
            }
        }
    }

    /// <summary>Makes the heap as it was before marking: removes all marks, and what waits.</summary>
    public void Undo(uint bitmap)
    {
        queue.Clear();
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
