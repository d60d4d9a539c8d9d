using SpanHeap.Os;

namespace SpanHeap.Traced.Marking;

/// <summary>The helpers of one marking at a time: threads that the process's heaps share, each with a marker of its own.</summary>
/// <remarks>Used by the collecting thread, while the gate is closed.</remarks>
internal sealed class MarkCrew(MarkQueue queue, WeakArrays weak, int maxThreads)
{
    // Below this many bytes to mark, waking helpers takes longer than they save.
    private const long BytesWorthHelp = 4 * 1024 * 1024;

    // Of young blocks most are dead.
    private const long YoungBytesWorthHelp = 64 * BytesWorthHelp;

    private readonly MarkHelpChoice _choice = new();

    // The helpers of the marking that is under way.
    private readonly List<MarkHelper> _helpers = [];
    private bool _lacksThreads;

    // The helpers that a marking may have.
    private readonly int _most = Math.Min(maxThreads, Environment.ProcessorCount) - 1;

    /// <summary>Whether a marking has so much to do that help may be worthwhile.</summary>
    public bool IsLarge(long bytes) => bytes >= BytesWorthHelp && _most > 0;

    /// <summary>How many helpers a marking should have.</summary>
    /// <param name="bytes">The bytes to mark, as far as is known.</param>
    public int Wanted(long bytes) => IsLarge(bytes) && _choice.WantsHelp ? _most : 0;

    /// <summary>How many helpers a marking should have that marks young blocks alone.</summary>
    /// <param name="bytes">The bytes of all young blocks.</param>
    public int WantedForYoung(long bytes) => bytes >= YoungBytesWorthHelp ? _most : 0;

    /// <summary>Starts as many as the system gives threads and memory for, and the queue for them and the caller's marker.</summary>
    /// <returns>The number of helpers.</returns>
    public int Start(int wanted, uint bitmap)
    {
        int ready = Hire(wanted, bitmap);
        queue.Begin(1 + ready);
        for (int i = 0; i < ready; i++)
        {
            _helpers[i].Start();
        }

        return ready;
    }

    /// <summary>Waits until those that were started have finished, adds what they did, and dismisses them.</summary>
    /// <returns>The reason why one gave up, or null.</returns>
    public Exception? Finish(int started, ref long bytes, ref bool overflowed)
    {
        Exception? failure = null;
        for (int i = 0; i < started; i++)
        {
            failure = _helpers[i].Finish(ref bytes, ref overflowed) ?? failure;
        }

        _helpers.ForEach(MarkHelpers.Give);
        _helpers.Clear();
        return failure;
    }

    /// <inheritdoc cref="MarkHelpChoice.Note"/>
    public void Note(bool helped, long bytes, long time) => _choice.Note(helped, bytes, time);

    // After a refusal, no further thread is requested.
    private int Hire(int wanted, uint bitmap)
    {
        int ready = 0;
        try
        {
            while (ready < wanted && TryAddHelper())
            {
                _helpers[ready].Prepare(queue, new Marker(queue, weak, bitmap, shared: true));
                ready++;
            }
        }
        catch (OutOfMemoryException)
        {
            // Then there are fewer helpers.
        }

        return ready;
    }

    private bool TryAddHelper()
    {
        if (!_lacksThreads && MarkHelpers.TryTake() is { } helper)
        {
            _helpers.Add(helper);
            return true;
        }

        _lacksThreads = true;
        return false;
    }
}
