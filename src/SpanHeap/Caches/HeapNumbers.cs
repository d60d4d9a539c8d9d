namespace SpanHeap.Caches;

/// <summary>Small numbers for heaps, the lowest free one first, so that the threads' tables stay short.</summary>
internal sealed class HeapNumbers
{
    private readonly Lock _lock = new();
    private bool[] _taken = new bool[8];

    public int Take()
    {
        lock (_lock)
        {
            int number = 0;
            while (number < _taken.Length && _taken[number])
            {
                number++;
            }

            if (number == _taken.Length)
            {
                Array.Resize(ref _taken, 2 * number);
            }

            _taken[number] = true;
            return number;
        }
    }

    public void Give(int number)
    {
        lock (_lock)
        {
            _taken[number] = false;
        }
    }
}
