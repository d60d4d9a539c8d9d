namespace SpanHeap.Traced.Pacing;

/// <summary>
/// Says whether threads that make blocks are ahead of a marker that works beside them. A heap may grow by so much until all is marked; threads are ahead when they
/// have made a larger part of that than is marked of what there is to mark. Then they mark, too, or wait, for a little at a time.
/// </summary>
/// <remarks>
/// <para>
/// Threads do so where they report bytes, so one pays in proportion to what it makes, and a thread that makes nothing never does. They do it in scopes; before
/// the marker waits for scopes to end, it lets them go on (<see cref="NoteDone"/>). On a machine whose processors are all busy, waiting gives the marker one.
/// </para>
/// <para>What is marked is interlocked. The marker says whether threads go on; any thread reads that. The rest changes while no thread is in a scope.</para>
/// </remarks>
internal sealed class MarkPace
{
    // The bytes that are expected to be marked, 0 while no marker works beside threads; and those that are.
    private long _expected;
    private long _marked;
    private bool _isDone;

    /// <summary>How long allocations have marked and waited, together with how long they have swept.</summary>
    public AssistTimes Assists { get; } = new();

    /// <summary>Notes that a marker begins. No thread is in a scope.</summary>
    /// <param name="expected">The bytes that it is expected to mark.</param>
    public void Begin(long expected)
    {
        _marked = 0;
        _isDone = false;
        _expected = Math.Max(1, expected);
    }

    /// <summary>The bytes that are expected to be marked and are not yet.</summary>
    public long Left => Math.Max(0, _expected - Volatile.Read(ref _marked));

    /// <summary>Notes that so many bytes more are marked, by any thread.</summary>
    public void NoteMarked(long bytes) => Interlocked.Add(ref _marked, bytes);

    /// <summary>Lets threads go on until <see cref="Resume"/>: the marker has found nothing left, or waits for their scopes to end.</summary>
    public void NoteDone() => Volatile.Write(ref _isDone, true);

    /// <summary>Notes that the marker goes on.</summary>
    public void Resume() => Volatile.Write(ref _isDone, false);

    /// <summary>Notes that the marker has ended. No thread is in a scope.</summary>
    public void End() => _expected = 0;

    /// <summary>Whether the heap has grown further than the marker has come.</summary>
    /// <param name="grown">The bytes by which the heap has grown since the marker should have begun; any number.</param>
    /// <param name="most">The bytes by which it may grow until the marker ends.</param>
    public bool IsAhead(long grown, long most) =>
        _expected != 0 && grown > 0 && !Volatile.Read(ref _isDone) && (double)grown * _expected > (double)Volatile.Read(ref _marked) * Math.Max(1, most);
}
