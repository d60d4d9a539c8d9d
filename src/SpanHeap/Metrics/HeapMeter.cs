using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using SpanHeap.Os;

namespace SpanHeap.Metrics;

/// <summary>
/// The process's meter. There is one for all heaps, because tools that read meters by name show only one of several with the same name.
/// </summary>
/// <remarks>
/// It is created with the first heap of the program's own. For the shared heap, whose first allocation must not wait for it, it is created after the
/// first round of maintenance. It lasts as long as the process. Thread safe.
/// </remarks>
internal static class HeapMeter
{
    /// <summary>The name by which tools find the meter.</summary>
    public const string Name = "SpanHeap";

    private const string Switch = "System.Diagnostics.Metrics.Meter.IsSupported";

    // 1 once a thread has begun to create the meter. Interlocked.
    private static int s_isStarted;

    // Kept here, so that its instruments are not collected.
    private static Meter? s_meter;

    // The switch of the platform (MetricsSupport in a project file), by which trimmed programs are compiled without meters.
    [FeatureSwitchDefinition(Switch)]
    private static bool IsSupported => !AppContext.TryGetSwitch(Switch, out bool isOn) || isOn;

    /// <summary>
    /// Creates the meter if there is none. Listeners of the program are called, and may create heaps. Call before there is anything to undo.
    /// </summary>
    public static void Start()
    {
        if (IsSupported && Volatile.Read(ref s_isStarted) == 0)
        {
            StartFirst();
        }
    }

    /// <summary>Creates the meter soon on a thread of the pool, for a caller that must not call code of the program.</summary>
    public static void StartSoon()
    {
        try
        {
            Uninterrupted.Queue<object?>(static _ => Start(), null);
        }
        catch (OutOfMemoryException)
        {
            // The process has other worries than figures. The next heap of the program creates the meter.
        }
    }

    private static void StartFirst()
    {
        if (Interlocked.Exchange(ref s_isStarted, 1) == 0)
        {
            s_meter = new Meter(Name);
            try
            {
                HeapInstruments.Create(s_meter);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // A listener of the program has thrown, which is no fault of the thread that needed a heap. The instruments after this one are missing.
                ErrorStream.WriteLine($"SpanHeap: a listener of meters failed, so some figures of heaps will not be seen: {error}");
            }
        }
    }
}
