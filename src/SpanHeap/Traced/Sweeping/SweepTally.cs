namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// What one thread has swept but not yet added to the statistics. The sweep of a small span costs little more than two interlocked operations, so
/// they are made once for several spans.
/// </summary>
internal struct SweepTally
{
    public long Spans;
    public long Pages;
    public long SmallBlocks;
    public long SmallBytes;
    public long LargeBlocks;
    public long LargeBytes;
    public long SpansReleased;

    public void NoteFreed(bool large, long blocks, long bytes)
    {
        if (large)
        {
            LargeBlocks += blocks;
            LargeBytes += bytes;
        }
        else
        {
            SmallBlocks += blocks;
            SmallBytes += bytes;
        }
    }
}
