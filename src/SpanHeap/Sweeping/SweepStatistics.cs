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

    public void NoteSwept(SweepReason reason, int pages)
    {
        Interlocked.Increment(ref _spans[(int)reason]);
        Interlocked.Add(ref _pages, pages);
    }

    /// <summary>Before the span can be anybody's, so that what it is used for next is never counted earlier.</summary>
    public void NoteFreed(bool large, long blocks, long bytes, bool released)
    {
        Interlocked.Add(ref large ? ref _largeBlocks : ref _smallBlocks, blocks);
        Interlocked.Add(ref large ? ref _largeBytes : ref _smallBytes, bytes);
        if (released)
        {
            Interlocked.Increment(ref _spansReleased);
        }
    }
}
