using System.Globalization;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>What the runtime's collector does while a program runs.</summary>
internal sealed class DotnetSession
{
    private readonly int _collectionsBefore = GC.CollectionCount(0);
    private readonly TimeSpan _pausesBefore = GC.GetTotalPauseDuration();
    private readonly long _bytesBefore = GC.GetTotalAllocatedBytes();

    public long Collections { get; private set; }

    /// <summary>Milliseconds.</summary>
    public double PausesTotal { get; private set; }

    /// <summary>Bytes allocated from one collection to the next, on average: the budget of generation 0, which the runtime does not tell.</summary>
    public long BytesPerCollection { get; private set; }

    /// <summary>What the collector was configured with, as far as it says.</summary>
    public static Dictionary<string, string> Configuration => GC.GetConfigurationVariables().ToDictionary(
        variable => variable.Key, variable => Convert.ToString(variable.Value, CultureInfo.InvariantCulture) ?? "");

    /// <summary>Takes what has happened until now; the collector is not watched any more.</summary>
    public void End()
    {
        Collections = GC.CollectionCount(0) - _collectionsBefore;
        PausesTotal = (GC.GetTotalPauseDuration() - _pausesBefore).TotalMilliseconds;
        BytesPerCollection = (GC.GetTotalAllocatedBytes() - _bytesBefore) / Math.Max(1, Collections);
    }

    /// <summary>A collection of all generations that the caller waits for.</summary>
    public static void Collect() => GC.Collect();
}
