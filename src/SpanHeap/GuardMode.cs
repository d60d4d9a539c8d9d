namespace SpanHeap;

/// <summary>Which blocks of a heap are guarded: put beside a page that faults when it is touched, and made to fault themselves once they are freed.</summary>
public enum GuardMode
{
    /// <summary>None.</summary>
    Off,

    /// <summary>
    /// One in so many (<see cref="NativeHeapOptions.GuardSampleRate"/>), drawn at random, as long as live ones leave room
    /// (<see cref="NativeHeapOptions.GuardBudget"/>): for programs in use.
    /// </summary>
    Sampled,

    /// <summary>All, and <see cref="HeapChecks.Full"/> for those that cannot be: for tests, and for who looks for an error.</summary>
    All,
}

/// <summary>Where in its pages a guarded block lies.</summary>
public enum GuardAlignment
{
    /// <summary>At the end: what is touched behind the block faults, from the first byte on or, for the sake of its alignment, up to 15 bytes later.</summary>
    End,

    /// <summary>At the start: what is touched before the block faults.</summary>
    Start,

    /// <summary>At the end or at the start, drawn for each block.</summary>
    Random,
}
