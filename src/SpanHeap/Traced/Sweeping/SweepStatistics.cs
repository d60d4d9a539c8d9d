namespace SpanHeap.Traced.Sweeping;

/// <summary>Says what caused a span to be swept.</summary>
internal enum SweepReason
{
    /// <summary>A thread needed a slot.</summary>
    Refill,

    /// <summary>A thread needed pages, or swept in proportion to what it allocated.</summary>
    Allocation,

    /// <summary>The background sweeper swept it.</summary>
    Background,

    /// <summary>A cycle had to be finished before the next.</summary>
    Finish,

    /// <summary>A cache gave back what it had when the cycle began.</summary>
    Flush,
}

/// <summary>Counts what sweeping has found since the heap was made. Any thread adds to it and reads it at any time.</summary>
internal sealed class SweepStatistics
{
    private readonly long[] _spans = new long[(int)SweepReason.Flush + 1];
    private long _pages;
    private long _smallBlocks;
    private long _smallBytes;
    private long _largeBlocks;
    private long _largeBytes;
    private long _spansReleased;

    /// <summary>The number of pages in swept spans.</summary>
    public long Pages => Volatile.Read(ref _pages);

    public long SmallBlocksFreed => Volatile.Read(ref _smallBlocks);

    public long SmallBytesFreed => Volatile.Read(ref _smallBytes);

    public long LargeBlocksFreed => Volatile.Read(ref _largeBlocks);

    public long LargeBytesFreed => Volatile.Read(ref _largeBytes);

    /// <summary>The number of spans without live blocks that went back to the page heap.</summary>
    public long SpansReleased => Volatile.Read(ref _spansReleased);

    public long SpansSweptBy(SweepReason reason) => Volatile.Read(ref _spans[(int)reason]);

    /// <summary>Notes that a span was released from quarantine.</summary>
    public void NoteReleased() => Interlocked.Increment(ref _spansReleased);

    /// <summary>Adds what one sweeper has counted.</summary>
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
