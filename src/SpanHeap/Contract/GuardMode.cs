namespace SpanHeap;

/// <summary>
/// Specifies which blocks of a heap are guarded. A guarded block lies beside a page that faults when it is touched, and the whole block
/// faults after it is freed.
/// </summary>
public enum GuardMode
{
    /// <summary>No blocks are guarded.</summary>
    Off,

    /// <summary>
    /// One allocation in <see cref="GuardOptions.Rate"/>, chosen at random, is guarded while live guarded blocks leave room in
    /// <see cref="GuardOptions.BudgetBytes"/>. Meant for programs in production.
    /// </summary>
    Sampled,

    /// <summary>
    /// All blocks are guarded, and <see cref="HeapChecks.Full"/> applies to those that cannot be. Meant for tests and for finding an error.
    /// </summary>
    All,
}

/// <summary>Specifies where a guarded block lies within its pages.</summary>
public enum GuardAlignment
{
    /// <summary>
    /// The block lies at the end of its pages. An access past its end faults, from the first byte on or, where alignment leaves a gap, at most 15
    /// bytes later.
    /// </summary>
    End,

    /// <summary>The block lies at the start of its pages. An access before its start faults.</summary>
    Start,

    /// <summary>The block lies at the end or at the start of its pages, chosen at random for each block.</summary>
    Random,
}
