using System.Diagnostics;
using SpanHeap.Os;
using SpanHeap.Traced.Pacing;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Lets threads that make blocks mark while they are ahead of a marker that works beside them (<see cref="MarkPace"/>), for a little at a time. The more threads
/// there are, the more of them mark.
/// </summary>
/// <remarks>
/// <para>
/// An assistant is a marker that takes pages which others have given to the queue, looks at some, and gives back all that it has, with what it has found. It
/// works in a scope, so while the gate is closed all pages are with the marker or in the queue. While it is open, the marker may find nothing left although an
/// assistant has pages; <see cref="AreActive"/> tells it.
/// </para>
/// <para>
/// A thread waits for the marker instead where it finds no page, as in a long list; where all assistants are in use; and while values of weak keys are
/// followed, which one marker does (<see cref="WeakArrays"/>). An assistant that has begun before tells nobody of the keys that it looks into: their values are
/// found when all entries are looked at once more in the end.
/// </para>
/// </remarks>
/// <param name="queue">Where assistants take pages from, and give them back.</param>
/// <param name="weak">Where arrays of weak entries go.</param>
/// <param name="pacer">Says whether threads are ahead.</param>
/// <param name="most">The largest number of threads that mark beside the marker.</param>
internal sealed class MarkAssists(MarkQueue queue, WeakArrays weak, Pacer pacer, int most)
{
    // The pages between two looks at the clock: some tens of microseconds.
    private const uint PagesBetweenLooks = 16;

    // For each report, which comes after some tens of KiB.
    private static readonly TimeSpan s_longest = TimeSpan.FromMicroseconds(100);

    private NativeLock _lock;

    // Guarded by the lock: the assistants of this marking that are not in use, and the number of those that are.
    private readonly Marker?[] _free = new Marker?[most];
    private int _freeCount;
    private int _active;

    // Written while the gate is closed.
    private uint _bitmap;

    /// <summary>Whether a thread has pages that it will give back, or is about to take some.</summary>
    public bool AreActive => Volatile.Read(ref _active) != 0;

    /// <summary>The number of assistants that this marking has needed so far: as many threads have assisted at once.</summary>
    public int Made => Volatile.Read(ref _active) + Volatile.Read(ref _freeCount);

    /// <summary>Begins. No thread is in a scope.</summary>
    /// <param name="bitmap">The bitmap that gets the marks.</param>
    public void Begin(uint bitmap) => _bitmap = bitmap;

    /// <summary>Ends, and adds what assistants did. No thread is in a scope.</summary>
    public void End(ref long bytes, ref bool overflowed)
    {
        Invariant.Assert(!AreActive, "Threads assist in scopes, so none does while the gate is closed.");
        for (; _freeCount > 0; _freeCount--)
        {
            ref Marker? assistant = ref _free[_freeCount - 1];
            bytes += assistant!.BytesMarked;
            overflowed |= assistant.Overflowed;
            assistant = null;
        }
    }

    /// <summary>Marks, or waits, for a little while if the heap has grown further than the marker has come. The caller is in a scope.</summary>
    public void Pay()
    {
        if (!pacer.IsAheadOfMarker)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        do
        {
            if (!TryMark(PagesBetweenLooks, start))
            {
                InterleavingPoints.Spin(InterleavingPoint.MarkerAwaited);
                Thread.Yield();
            }
        }
        while (GoesOn(start));
        pacer.Assists.NoteSince(start);
    }

    /// <summary>Looks at so many pages at most, if there are any to take. The caller is in a scope while the heap is marked.</summary>
    /// <returns>False if there was none to look at.</returns>
    public bool TryMark(uint pages) => TryMark(pages, start: null);

    // Goes on, if that began at some time, as long as a thread may assist.
    private bool TryMark(uint pages, long? start)
    {
        if (weak.IsWatching || !queue.HasWork || TryTake() is not { } assistant)
        {
            return false;
        }

        long marked = 0;
        if (assistant.TryBegin())
        {
            bool done;
            do
            {
                long before = assistant.BytesMarked;
                done = assistant.Drain(pages);
                pacer.Pace.NoteMarked(assistant.BytesMarked - before);
                marked += assistant.BytesMarked - before;
            }
            while (!done && start is { } began && GoesOn(began));
            assistant.GiveAll();
        }

        Give(assistant);
        return marked > 0;
    }

    private bool GoesOn(long start) => pacer.IsAheadOfMarker && Stopwatch.GetElapsedTime(start) < s_longest;

    private Marker? TryTake()
    {
        Marker? assistant = null;
        _lock.Enter();
        bool takes = _active < most;
        if (takes)
        {
            _active++;
            assistant = _freeCount > 0 ? _free[--_freeCount] : null;
        }

        _lock.Exit();
        try
        {
            return assistant ?? (takes ? new Marker(queue, weak, _bitmap, shared: true, assists: true) : null);
        }
        catch (OutOfMemoryException)
        {
            Give(null);
            return null;
        }
    }

    private void Give(Marker? assistant)
    {
        _lock.Enter();
        _free[_freeCount] = assistant;
        _freeCount += assistant != null ? 1 : 0;
        _active--;
        _lock.Exit();
    }
}
