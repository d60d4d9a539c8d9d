namespace SpanHeap.Heap;

/// <summary>
/// Tracks memory that is on its way back: taken from where a request would find it, and not yet where the next one will. A request that is refused
/// meanwhile is worth repeating.
/// </summary>
/// <remarks>Thread safe. Whatever happens between <see cref="Begin"/> and <see cref="End"/> is bounded and waits for no thread.</remarks>
internal sealed class MemoryTransit
{
    // In milliseconds. What is in transit is a system call, made by a thread that may have to wait for a processor.
    private const long LongestWait = 10;

    // Interlocked, by any thread that moves memory; read by requests that were refused.
    private int _underWay;
    private long _arrivals;

    public void Begin() => Interlocked.Increment(ref _underWay);

    /// <param name="hasMoved">Whether there was any memory to move.</param>
    public void End(bool hasMoved)
    {
        // In this order: a thread that sees nothing in transit sees the arrival.
        if (hasMoved)
        {
            Interlocked.Increment(ref _arrivals);
        }

        Interlocked.Decrement(ref _underWay);
    }

    /// <summary>How many times memory has arrived.</summary>
    public long Arrivals => Volatile.Read(ref _arrivals);

    /// <summary>Waits until some of the memory in transit has arrived, for a few milliseconds at most.</summary>
    /// <remarks>Does not use one of .NET's waits, because the caller may go on using its cache (see <see cref="StackReclaimer"/>).</remarks>
    public void AwaitArrival()
    {
        long seen = Arrivals;
        long deadline = Environment.TickCount64 + LongestWait;
        do
        {
            Thread.Yield();
        }
        while (Volatile.Read(ref _underWay) > 0 && Arrivals == seen && Environment.TickCount64 < deadline);
    }

    /// <summary>Determines whether memory is in transit or has arrived since <paramref name="seen"/>, which is updated.</summary>
    public bool HasMoved(ref long seen)
    {
        bool isUnderWay = Volatile.Read(ref _underWay) > 0;
        long arrivals = Arrivals;
        bool moved = isUnderWay || arrivals != seen;
        seen = arrivals;
        return moved;
    }
}
