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
/// <remarks>
/// Used by the collecting thread. One marker; threads that shade blocks and those that assist (<see cref="MarkAssists"/>) count as others, and so do helpers while
/// the gate is closed.
/// </remarks>
internal sealed class ConcurrentMarking(
    RootTable roots, MarkTeam team, MarkAssists assists, Shading shading, UnusedSlots unused, AllocationColor color, MarkPace pace)
{
    // How often weak entries are looked at between two looks at whether anybody waits.
    private const int LooksBetweenReturns = 4;

    private readonly MarkQueue _queue = team.Queue;
    private readonly WeakArrays _weak = team.Weak;
    private readonly MarkRepair _repair = team.Repair;
    private Marker? _marker;
    private uint _bitmap;
    private long _usedBefore;

    // What others than the marker did, as far as they have ended.
    private long _bytes;
    private bool _overflowed;

    /// <summary>The number of threads that have marked at once.</summary>
    public int LastMarkers { get; private set; }

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
        _bytes = 0;
        _overflowed = false;
        LastMarkers = 1;
        _marker = new Marker(_queue, _weak, bitmap, shared: true);
        assists.Begin(bitmap);
        try
        {
            _repair.Begin();
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
            if (!TryDrainStrong(pages) || AwaitsAssistants())
            {
                return false;
            }

            // Also while the gate is open, so that little of what values lead to is left for when it is closed.
            if (!_weak.MarkMore(_marker!, _bitmap))
            {
                pace.NoteDone();
                return true;
            }
        }

        return false;
    }

    /// <summary>Marks all that is left, with helpers if there is much. The gate is closed.</summary>
    public void DrainAll()
    {
        // Values of weak keys are followed by one marker.
        int wanted = _weak.IsWatching ? 0 : team.Crew.Wanted(pace.Left);
        if (wanted > 0)
        {
            shading.GivePages();
            int helpers = team.Crew.Start(wanted, _bitmap);
            LastMarkers = Math.Max(LastMarkers, 1 + helpers);
            _marker!.Drain();
            if (team.Crew.Finish(helpers, ref _bytes, ref _overflowed) is { } failure)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }

        bool ended = TryDrain(uint.MaxValue);
        Invariant.Assert(ended, "Without a bound, and without threads in scopes, marking ends.");
    }

    /// <summary>Ends: nothing was found while the gate was closed, and it is closed still.</summary>
    /// <returns>The bytes of all marked blocks.</returns>
    /// <remarks>After an exception nothing is marked.</remarks>
    public long End()
    {
        Stop();
        long bytes = _bytes;
        bool overflowed = _overflowed || shading.Overflowed;
        if (overflowed && _repair.Complete(_bitmap, overflowed, ref bytes) is { } failure)
        {
            _repair.Undo(_bitmap);
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
        _repair.Undo(_bitmap);
    }

    // Marks what references lead to, and the values of keys that weak entries wait for.
    private bool TryDrainStrong(uint pages)
    {
        do
        {
            shading.GivePages();
            _queue.Begin(1);
            long before = _marker!.BytesMarked;
            bool found = !_marker.Drain(pages);
            pace.NoteMarked(_marker.BytesMarked - before);
            pace.Resume();
            if (found)
            {
                return false;
            }
        }
        while (shading.GivePages());
        return true;
    }

    // Whether a thread has pages that it gives back soon: to close the gate now would be in vain.
    private bool AwaitsAssistants()
    {
        bool awaits = assists.AreActive;
        if (awaits)
        {
            InterleavingPoints.Spin(InterleavingPoint.AssistantsAwaited);
            Thread.Yield();
        }

        return awaits;
    }

    // No thread is in a scope, so each assistant has given back its pages.
    private void Stop()
    {
        color.IsBlack = false;
        shading.End();
        shading.GivePages();
        LastMarkers = Math.Max(LastMarkers, 1 + assists.Made);
        assists.End(ref _bytes, ref _overflowed);
        if (_marker is { } marker)
        {
            _bytes += marker.BytesMarked;
            _overflowed |= marker.Overflowed;
            marker.Release();
            _marker = null;
        }

        OnChange?.Invoke();
        InterleavingPoints.At(InterleavingPoint.MarkingEnded);
    }
}
