using System.Runtime.CompilerServices;

namespace SpanHeap.Checks;

/// <summary>Says whether fast paths count allocations for heaps that guard a sample.</summary>
/// <remarks>
/// The JIT treats this as a constant once it compiles methods with full optimization, so a process that does not sample pays nothing. Code compiled
/// ahead of time pays a load and a test for each allocation. (The count costs a pair of Alloc and Free about a tenth of its time.) Where it is off,
/// heaps that sample close their fast paths and count on the slow ones.
/// </remarks>
internal static class GuardSampling
{
    /// <summary>The name of the <see cref="AppContext"/> switch, also for project files, that makes all heaps of a process count.</summary>
    public const string Switch = "SpanHeap.GuardSampling";

    /// <summary>Whether fast paths count. Meaningful after <see cref="Read"/>.</summary>
    public static bool IsCounted
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RuntimeFeature.IsDynamicCodeCompiled ? Setting.IsOn : Ahead.IsOn;
    }

    /// <summary>Reads the setting, before the first heap has a cache. Doing so again changes nothing.</summary>
    public static void Read() => Ahead.IsOn = Setting.IsOn;

    // A constant to code that is compiled as it runs.
    private static class Setting
    {
        public static readonly bool IsOn = (AppContext.TryGetSwitch(Switch, out bool on) && on)
            || string.Equals(Environment.GetEnvironmentVariable("SPANHEAP_GUARD")?.Trim(), nameof(GuardMode.Sampled), StringComparison.OrdinalIgnoreCase);
    }

    // A copy without an initializer, which code compiled ahead of time reads without asking whether it has run.
    private static class Ahead
    {
        public static bool IsOn;
    }
}
