using System.Runtime.ExceptionServices;
using SpanHeap.Os;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Marks while threads go on. It begins and ends while the gate is closed: what was reachable at the beginning is marked at the end
/// (<see cref="Shading"/>), and so is all that was made meanwhile.
/// </summary>
/// <remarks>Used by the collecting thread. One marker; threads that shade blocks count as others.</remarks>
internal sealed class ConcurrentMarking(
    RootTable roots, MarkQueue queue, WeakArrays weak, MarkRepair repair, Shading shading, UnusedSlots unused, AllocationColor color, MarkPace pace)
{
    // How often weak entries are looked at between two looks at whether anybody waits.
    private const int LooksBetweenReturns = 4;

    private Marker? _marker;
    private uint _bitmap;
    private long _usedBefore;

    /// <summary>Whether one is on.</summary>
    public bool IsOn => shading.IsOn;

    /// <summary>
    /// Called after <see cref="IsOn"/> or what reading weak handles means has changed, while no thread is in a scope. Set when the heap is made.
    /// </summary>
    public Action? OnChange { get; set; }

    /// <summary>Begins: reads all roots, and marks the slots that threads will use first. No thread is in a scope, and everything is swept.</summary>
    /// <param name="bitmap">The bitmap that gets the marks.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the marker. Nothing has changed.</exception>
    public void Begin(uint bitmap)
    {
        _bitmap = bitmap;
        _marker = new Marker(queue, weak, bitmap, shared: true);
        try
        {
            repair.Begin();
            shading.Begin(bitmap);
            OnChange?.Invoke();
            color.IsBlack = true;
            _usedBefore = unused.MarkAll(bitmap);
            RootScan.VisitAll(roots, _marker);
        }
        catch
        {
            Abandon();
            throw;
        }

        InterleavingPoints.At(InterleavingPoint.MarkingBegins);
    }

    /// <summary>Marks until nothing is found, or so many pages have been looked at.</summary>
    /// <param name="pages">The number of pages.</param>
    /// <returns>
    /// Whether nothing was found, also not by way of weak entries. While the gate is closed, marking has ended then; while it is open, a thread may be shading a block.
    /// </returns>
    public bool TryDrain(uint pages)
    {
        for (int looks = 0; looks < LooksBetweenReturns || pages == uint.MaxValue; looks++)
        {
            if (!TryDrainStrong(pages))
            {
                return false;
            }

            // Also while the gate is open, so that little of what values lead to is left for when it is closed.
            if (!weak.MarkMore(_marker!, _bitmap))
            {
                pace.NoteDone();
                return true;
            }
        }

        return false;
    }

    /// <summary>Ends: nothing was found while the gate was closed, and it is closed still.</summary>
    /// <returns>The bytes of all marked blocks.</returns>
    /// <remarks>After an exception nothing is marked.</remarks>
    public long End()
    {
        Marker marker = _marker!;
        long bytes = marker.BytesMarked;
        bool overflowed = marker.Overflowed || shading.Overflowed;
        Stop();
        if (overflowed && repair.Complete(_bitmap, overflowed, ref bytes) is { } failure)
        {
            repair.Undo(_bitmap);
            ExceptionDispatchInfo.Throw(failure);
        }

        return bytes + unused.Unmark(_bitmap) - _usedBefore;
    }

    /// <summary>
    /// After the end, marks what threads make from now on, so that marks stay complete until <see cref="EndBlack"/>. No thread is in a scope.
    /// </summary>
    public void BeginBlack()
    {
        color.IsBlack = true;
        _usedBefore = unused.MarkAll(_bitmap);
        OnChange?.Invoke();
    }

    /// <summary>Ends what <see cref="BeginBlack"/> began. No thread is in a scope.</summary>
    /// <returns>The bytes of the blocks that were made meanwhile.</returns>
    public long EndBlack()
    {
        color.IsBlack = false;
        OnChange?.Invoke();
        return unused.Unmark(_bitmap) - _usedBefore;
    }

    /// <summary>Gives up, and removes all marks. No thread is in a scope.</summary>
    public void Abandon()
    {
        Stop();
        repair.Undo(_bitmap);
    }

    // Marks what references lead to, and the values of keys that weak entries wait for.
    private bool TryDrainStrong(uint pages)
    {
        do
        {
            shading.GivePages();
            queue.Begin(1);
            bool found = !_marker!.Drain(pages);
            pace.NoteMarked(_marker.BytesMarked);
            if (found)
            {
                return false;
            }
        }
        while (shading.GivePages());
        return true;
    }

    private void Stop()
    {
        color.IsBlack = false;
        shading.End();
        shading.GivePages();
        _marker?.Release();
        _marker = null;
        OnChange?.Invoke();
        InterleavingPoints.At(InterleavingPoint.MarkingEnded);
    }
}
