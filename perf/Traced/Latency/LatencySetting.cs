using System.Globalization;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>What is measured.</summary>
/// <param name="Threads">Threads with a cache each.</param>
/// <param name="LiveMebibytes">What the caches hold together, about.</param>
/// <param name="Seconds">How long operations are timed.</param>
internal sealed record LatencySetting(int Threads, int LiveMebibytes, int Seconds)
{
    /// <summary>Gets the numbers as arguments of a program.</summary>
    public string[] Words => [Text(Threads), Text(LiveMebibytes), Text(Seconds)];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
