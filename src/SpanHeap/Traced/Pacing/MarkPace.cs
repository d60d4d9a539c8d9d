using System.Diagnostics;
using SpanHeap.Os;

namespace SpanHeap.Traced.Pacing;

/// <summary>
/// Keeps threads that make blocks from getting far ahead of a marker that works beside them. A heap may grow by so much until all is marked; a thread that has
/// made a part of that waits, for a little at a time, until the marker has done the same part of its work.
/// </summary>
/// <remarks>
/// <para>
/// Threads wait where they report bytes, so one waits in proportion to what it makes, and a thread that makes nothing never does. They wait in scopes; before
/// the marker waits for scopes to end, it lets them go on (<see cref="NoteDone"/>). On a machine whose processors are all busy, waiting gives the marker one.
/// </para>
/// <para>The marker writes its progress; any thread reads it. The rest changes while no thread is in a scope.</para>
/// </remarks>
internal sealed class MarkPace
{
    // For each report, which comes after some tens of KiB.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMicroseconds(100);

    // The bytes that are expected to be marked, 0 while no marker works beside threads; and those that are.
    private long _expected;
    private long _marked;

    /// <summary>How long allocations have waited, together with how long they have swept.</summary>
    public AssistTimes Assists { get; } = new();

    /// <summary>Notes that a marker begins. No thread is in a scope.</summary>
    /// <param name="expected">The bytes that it is expected to mark.</param>
    public void Begin(long expected)
    {
        _marked = 0;
        _expected = Math.Max(1, expected);
    }

    /// <summary>Notes how many bytes are marked.</summary>
    public void NoteMarked(long bytes) => Volatile.Write(ref _marked, bytes);

    /// <summary>Lets threads go on until the marker notes progress again: it has found nothing left, or waits for their scopes to end.</summary>
    public void NoteDone() => NoteMarked(long.MaxValue);

    /// <summary>Notes that the marker has ended. No thread is in a scope.</summary>
    public void End() => _expected = 0;

    /// <summary>Waits a little if the heap has grown further than the marker has come.</summary>
    /// <param name="grown">The bytes by which the heap has grown since the marker should have begun; any number.</param>
    /// <param name="most">The bytes by which it may grow until the marker ends.</param>
    public void Await(long grown, long most)
    {
        if (!IsAhead(grown, most))
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        do
        {
            InterleavingPoints.Spin(InterleavingPoint.MarkerAwaited);
            Thread.Yield();
        }
        while (IsAhead(grown, most) && Stopwatch.GetElapsedTime(start) < s_longestWait);
        Assists.NoteSince(start);
    }

    private bool IsAhead(long grown, long most) =>
        _expected != 0 && grown > 0 && (double)grown * _expected > (double)Volatile.Read(ref _marked) * Math.Max(1, most);
}
