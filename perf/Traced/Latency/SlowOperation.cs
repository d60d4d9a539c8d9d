namespace SpanHeap.Perf.Traced.Latency;

/// <summary>Why an operation took long, as far as the system can tell.</summary>
internal enum SlowCause
{
    /// <summary>The thread ran, or the system does not tell.</summary>
    Ran,

    /// <summary>The thread gave the processor up and waited.</summary>
    Waited,

    /// <summary>
    /// The processor was taken away for most of the time: by the system, or, where it counts no switch, by the machine on which the system runs.
    /// </summary>
    Preempted,
}

/// <summary>An operation that took longer than <see cref="Threshold"/>.</summary>
/// <param name="AtMs">When it began, in milliseconds after the first operation.</param>
/// <param name="Ms">How long it took, in milliseconds.</param>
/// <param name="Cause">What the system says about it.</param>
internal sealed record SlowOperation(double AtMs, double Ms, SlowCause Cause)
{
    /// <summary>Operations that take no longer than this are counted and not listed.</summary>
    public static readonly TimeSpan Threshold = TimeSpan.FromMicroseconds(250);
}

/// <summary>A time in which all threads were kept out.</summary>
/// <param name="AtMs">When it began, in milliseconds after the first operation.</param>
/// <param name="Ms">How long it took, in milliseconds.</param>
internal sealed record CollectorPause(double AtMs, double Ms);
