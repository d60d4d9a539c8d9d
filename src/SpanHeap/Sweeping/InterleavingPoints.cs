using System.Diagnostics;

namespace SpanHeap.Sweeping;

/// <summary>Places in the protocol where a test may let other threads run.</summary>
internal enum InterleavingPoint
{
    SweepAcquired,
    SweepClearedBits,
    SweepStoredGeneration,
    SpanReleased,
    SpanCached,
    SpanUncached,
    GenerationAdvanced,
    ScopeEntered,
    GateClosed,
    GateOpened,
}

/// <summary>
/// Named points that do nothing, and are not there at all in what is shipped: a test assembly compiles these sources with
/// <c>INTERLEAVING</c> and runs one thread at a time from point to point.
/// </summary>
internal static class InterleavingPoints
{
#if INTERLEAVING
    /// <summary>Called at each point, on the thread that is there.</summary>
    public static Action<InterleavingPoint>? Visitor { get; set; }
#endif

    [Conditional("INTERLEAVING")]
    public static void At(InterleavingPoint point)
    {
#if INTERLEAVING
        Visitor?.Invoke(point);
#endif
    }
}
