namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>The threads of a schedule, and which of them could go on.</summary>
/// <remarks>Used by the thread that has the turn.</remarks>
internal sealed class ReadyThreads
{
    private readonly List<ScheduledThread> _threads = [];
    private readonly List<int> _ready = [];

    // Points passed but for those of threads that only looked once more. 0 is what a thread has that does not look.
    private int _progress = 1;

    public int Count => _threads.Count;

    public bool HaveAllEnded => _threads.TrueForAll(static thread => thread.HasEnded);

    public ScheduledThread this[int number] => _threads[number];

    public void Add(ScheduledThread thread) => _threads.Add(thread);

    /// <summary>The scheduled thread that a thread is; null for one that is not scheduled.</summary>
    public ScheduledThread? Find(Thread thread) => _threads.Find(one => one.Is(thread));

    public void ForEach(Action<ScheduledThread> action) => _threads.ForEach(action);

    /// <summary>A thread has come to a point, or to its end.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="looks">Whether it looks in a loop for what another must do.</param>
    public void NoteProgress(ScheduledThread thread, bool looks)
    {
        _progress += looks && thread.LookedAt != 0 ? 0 : 1;
        thread.LookedAt = looks ? _progress : 0;
    }

    /// <summary>
    /// The threads that could go on, the current one first. A thread that polls in a loop gives way, and sleeps until another has done something;
    /// otherwise two that poll could keep the turn forever. If no other is left, all poll again.
    /// </summary>
    /// <param name="current">The current thread; null at the beginning.</param>
    /// <param name="looks">Whether it looks in a loop.</param>
    /// <param name="canGoOn">Whether it is among them.</param>
    public IReadOnlyList<int> Find(ScheduledThread? current, bool looks, out bool canGoOn)
    {
        bool isReady = current is { IsReady: true };
        FindOthers(current, withSleepers: false);
        if (_ready.Count == 0 && (looks || !isReady))
        {
            FindOthers(current, withSleepers: true);
        }

        canGoOn = isReady && (!looks || _ready.Count == 0);
        if (canGoOn)
        {
            _ready.Insert(0, current!.Number);
        }

        return _ready;
    }

    public override string ToString() => string.Join("; ", _threads);

    private void FindOthers(ScheduledThread? current, bool withSleepers)
    {
        _ready.Clear();
        foreach (ScheduledThread thread in _threads)
        {
            if (thread != current && (withSleepers || thread.LookedAt < _progress) && thread.IsReady && !IsLikeAnother(thread))
            {
                _ready.Add(thread.Number);
            }
        }
    }

    // A schedule that a thread begins is that of the one like it, with other names.
    private bool IsLikeAnother(ScheduledThread thread)
    {
        for (int earlier = 0; earlier < thread.Number; earlier++)
        {
            if (_threads[earlier].IsAlike(thread))
            {
                return true;
            }
        }

        return false;
    }
}
