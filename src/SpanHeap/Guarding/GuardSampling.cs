namespace SpanHeap.Guarding;

/// <summary>Whether fast paths count allocations for heaps that guard a sample.</summary>
/// <remarks>
/// A constant to the JIT once methods are compiled for speed: a process that does not sample pays nothing. (The count costs a pair of Alloc
/// and Free about a tenth.) Where it is off, heaps that sample close their fast paths and count on slow ones.
/// </remarks>
internal static class GuardSampling
{
    /// <summary>The switch of <see cref="AppContext"/>, also in a project file, that has all heaps of a process count.</summary>
    public const string Switch = "SpanHeap.GuardSampling";

    public static readonly bool IsCounted = (AppContext.TryGetSwitch(Switch, out bool on) && on)
        || string.Equals(Environment.GetEnvironmentVariable("SPANHEAP_GUARD")?.Trim(), nameof(GuardMode.Sampled), StringComparison.OrdinalIgnoreCase);
}
