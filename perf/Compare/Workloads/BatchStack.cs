namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>A bounded list of batches, last in first out, between any number of threads. A thread that finds it full or empty sleeps.</summary>
internal sealed class BatchStack(int capacity)
{
    private readonly nuint[] _batches = GC.AllocateArray<nuint>(capacity, pinned: true);
    // Not a Lock: it has no condition to wait for.
    private readonly object _changed = new();
    private int _count;

    public void Push(nuint batch)
    {
        lock (_changed)
        {
            while (_count == _batches.Length)
            {
                Monitor.Wait(_changed);
            }

            _batches[_count++] = batch;
            // All, for both sides wait for the same condition; those that were not meant sleep again.
            if (_count == 1)
            {
                Monitor.PulseAll(_changed);
            }
        }
    }

    public nuint Pop()
    {
        lock (_changed)
        {
            while (_count == 0)
            {
                Monitor.Wait(_changed);
            }

            nuint batch = _batches[--_count];
            if (_count == _batches.Length - 1)
            {
                Monitor.PulseAll(_changed);
            }

            return batch;
        }
    }
}
