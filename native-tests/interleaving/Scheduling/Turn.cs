namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>Given by one thread, awaited by another. What was written before it was given is visible to the thread that has it.</summary>
internal sealed class Turn
{
    private readonly object _gate = new();

    // Guarded by the gate.
    private int _given;

    public void Give()
    {
        lock (_gate)
        {
            _given++;
            Monitor.Pulse(_gate);
        }
    }

    public void Await() => TryAwait(Timeout.InfiniteTimeSpan);

    /// <returns>False when it was not given for so long.</returns>
    public bool TryAwait(TimeSpan bound)
    {
        lock (_gate)
        {
            while (_given == 0)
            {
                if (!Monitor.Wait(_gate, bound))
                {
                    return false;
                }
            }

            _given--;
            return true;
        }
    }
}
