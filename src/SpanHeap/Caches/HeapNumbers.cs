namespace SpanHeap.Caches;

/// <summary>Small numbers for heaps, the lowest free one first, so that the threads' tables stay short.</summary>
internal sealed class HeapNumbers
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<int, int> _free = new();
    private int _next;

    public int Take()
    {
        lock (_lock)
        {
            return _free.TryDequeue(out int number, out _) ? number : _next++;
        }
    }

    public void Give(int number)
    {
        lock (_lock)
        {
            _free.Enqueue(number, number);
        }
    }
}
