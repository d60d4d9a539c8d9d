namespace SpanHeap;

/// <summary>A snapshot of the figures of a heap's traced memory. Taking it allocates nothing and stops nobody.</summary>
/// <remarks>Sums count from when the heap was made. Each figure is right by itself; those of one snapshot may be some moments apart.</remarks>
public readonly record struct TracedStatistics
{
    /// <summary>Bytes of blocks that live as far as is known: what the last collection reached, and what was made since.</summary>
    public long LiveBytes { get; init; }

    /// <summary>Live bytes at which the next collection is due.</summary>
    public long GoalBytes { get; init; }

    /// <summary>Collections completed.</summary>
    public long Collections { get; init; }

    /// <summary>How often one could not begin because a thread was in a scope for longer than others may be kept out.</summary>
    public long HeldUp { get; init; }

    /// <summary>How long the last collection kept threads out, from the end of the last scope that it waited for.</summary>
    public TimeSpan LastPause { get; init; }

    /// <summary>The longest that one did.</summary>
    public TimeSpan LongestPause { get; init; }

    /// <summary>How long all of them did.</summary>
    public TimeSpan TotalPause { get; init; }

    /// <summary>Spans of traced blocks.</summary>
    public long Spans { get; init; }

    /// <summary>Pages of those.</summary>
    public long Pages { get; init; }

    /// <summary>Handles that are not disposed.</summary>
    public long Handles { get; init; }

    /// <summary>Root arrays that are not disposed.</summary>
    public long RootArrays { get; init; }

    /// <summary>Weak handles that are not disposed, whether their block lives or not.</summary>
    public long WeakHandles { get; init; }

    /// <summary>Weak handles whose block was found dead before they were disposed.</summary>
    public long WeakHandlesCleared { get; init; }

    /// <summary>Clean-ups that were registered.</summary>
    public long CleanUpsRegistered { get; init; }

    /// <summary>Those whose block was found dead and that have not begun to run.</summary>
    public long CleanUpsQueued { get; init; }

    /// <summary>Those that have run, also if they threw.</summary>
    public long CleanUpsRun { get; init; }

    /// <summary>Those that threw.</summary>
    public long CleanUpsFailed { get; init; }

    /// <summary>Those that were cancelled before they ran.</summary>
    public long CleanUpsCancelled { get; init; }

    /// <summary>Blocks freed that shared their span with others.</summary>
    public long SmallBlocksFreed { get; init; }

    /// <summary>Bytes of those, rounded up to their size classes.</summary>
    public long SmallBytesFreed { get; init; }

    /// <summary>Blocks freed that were a span of their own.</summary>
    public long LargeBlocksFreed { get; init; }

    /// <summary>Bytes of those, rounded up to pages.</summary>
    public long LargeBytesFreed { get; init; }

    /// <summary>Spans that sweeping found without a live block, whose pages went back.</summary>
    public long SpansReleased { get; init; }

    /// <summary>Spans swept by threads that needed a block.</summary>
    public long SpansSweptByRefill { get; init; }

    /// <summary>Spans swept by threads that needed pages, or in proportion to what they allocated.</summary>
    public long SpansSweptByAllocation { get; init; }

    /// <summary>Spans swept in the background.</summary>
    public long SpansSweptInBackground { get; init; }

    /// <summary>Spans swept by <see cref="NativeHeap.FinishSweeping"/>, or because the next collection was to begin.</summary>
    public long SpansSweptToFinish { get; init; }

    /// <summary>Spans that threads had taken blocks from when a collection began, swept when they gave them back.</summary>
    public long SpansSweptByFlush { get; init; }
}
