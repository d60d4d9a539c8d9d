namespace SpanHeap.Sweeping;

/// <summary>Who swept a span.</summary>
internal enum SweepReason
{
    /// <summary>A thread that needed a slot.</summary>
    Refill,

    /// <summary>A thread that needed pages, or paid for what it allocates.</summary>
    Allocation,

    /// <summary>The background sweeper.</summary>
    Background,

    /// <summary>Who finished a cycle before the next.</summary>
    Finish,

    /// <summary>A cache that gave back what it had when the cycle began.</summary>
    Flush,
}

/// <summary>What sweeping has found since the heap was made. Added to by any thread, read at any time.</summary>
internal sealed class SweepStatistics
{
    private readonly long[] _spans = new long[(int)SweepReason.Flush + 1];
    private long _pages;
    private long _smallBlocks;
    private long _smallBytes;
    private long _largeBlocks;
    private long _largeBytes;
    private long _spansReleased;

    /// <summary>Pages of the spans swept.</summary>
    public long Pages => Volatile.Read(ref _pages);

    public long SmallBlocksFreed => Volatile.Read(ref _smallBlocks);

    public long SmallBytesFreed => Volatile.Read(ref _smallBytes);

    public long LargeBlocksFreed => Volatile.Read(ref _largeBlocks);

    public long LargeBytesFreed => Volatile.Read(ref _largeBytes);

    /// <summary>Spans that had nothing live and went back to the page heap.</summary>
    public long SpansReleased => Volatile.Read(ref _spansReleased);

    public long SpansSweptBy(SweepReason reason) => Volatile.Read(ref _spans[(int)reason]);

    /// <summary>Adds what one who swept has counted.</summary>
    public void Add(SweepReason reason, in SweepTally tally)
    {
        AddTo(ref _spans[(int)reason], tally.Spans);
        AddTo(ref _pages, tally.Pages);
        AddTo(ref _smallBlocks, tally.SmallBlocks);
        AddTo(ref _smallBytes, tally.SmallBytes);
        AddTo(ref _largeBlocks, tally.LargeBlocks);
        AddTo(ref _largeBytes, tally.LargeBytes);
        AddTo(ref _spansReleased, tally.SpansReleased);
    }

    private static void AddTo(ref long sum, long count)
    {
        if (count != 0)
        {
            Interlocked.Add(ref sum, count);
        }
    }
}
