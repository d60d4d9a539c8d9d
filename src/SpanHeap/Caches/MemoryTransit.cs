namespace SpanHeap.Caches;

/// <summary>
/// Memory that is on its way back: taken from where a request would find it, and not yet where the next one will. A request that is
/// refused meanwhile is worth repeating.
/// </summary>
/// <remarks>Thread safe. Whatever is done between <see cref="Begin"/> and <see cref="End"/> is bounded, and waits for nobody.</remarks>
internal sealed class MemoryTransit
{
    // Milliseconds: what is under way is a call of the system's, made by a thread that may have to wait for a processor.
    private const long LongestWait = 10;

    // Interlocked, by whoever moves memory; read by requests that were refused.
    private int _underWay;
    private long _arrivals;

    public void Begin() => Interlocked.Increment(ref _underWay);

    /// <param name="hasMoved">Whether there was any memory to move.</param>
    public void End(bool hasMoved)
    {
        // In this order: whoever sees nothing under way sees the arrival.
        if (hasMoved)
        {
            Interlocked.Increment(ref _arrivals);
        }

        Interlocked.Decrement(ref _underWay);
    }

    /// <summary>How often memory has arrived.</summary>
    public long Arrivals => Volatile.Read(ref _arrivals);

    /// <summary>Waits until some of what is under way has arrived, for a few milliseconds at most.</summary>
    /// <remarks>Not by a wait of .NET's, because the caller may go on with its cache (see <see cref="StackReclaimer"/>).</remarks>
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

    /// <summary>Whether memory is under way, or has arrived since <paramref name="seen"/>, which is moved on.</summary>
    public bool HasMoved(ref long seen)
    {
        bool isUnderWay = Volatile.Read(ref _underWay) > 0;
        long arrivals = Arrivals;
        bool moved = isUnderWay || arrivals != seen;
        seen = arrivals;
        return moved;
    }
}
