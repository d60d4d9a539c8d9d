using System.Globalization;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>A row for each contender.</summary>
internal static class LatencyTable
{
    private const double Median = 0.5, OneInHundred = 0.99, OneInThousand = 0.999, OneInTenThousand = 0.9999;

    public static MarkdownTable Of(IReadOnlyList<LatencyResult> results)
    {
        var table = new MarkdownTable(
            "<memory", "operations/s", "p50 us", "p99 us", "p99.9 us", "p99.99 us", "slow: ran", "waited", "preempted", "longest ms", "pauses", "longest ms",
            "CPU s/s", "peak MiB");
        foreach (LatencyRow row in results.Select(RowOf))
        {
            table.Add(
                row.Allocator, row.OperationsPerS.ToString("N0", CultureInfo.InvariantCulture), MarkdownTable.Nanoseconds(row.P50Us),
                MarkdownTable.Nanoseconds(row.P99Us), MarkdownTable.Nanoseconds(row.P999Us), MarkdownTable.Nanoseconds(row.P9999Us), Text(row.SlowRan),
                Text(row.SlowWaited), Text(row.SlowPreempted), MarkdownTable.Nanoseconds(row.LongestMs), Text(row.Pauses),
                MarkdownTable.Nanoseconds(row.PauseMaxMs), MarkdownTable.Ratio(row.CpuPerS), MarkdownTable.Mebibytes(row.PeakRssBytes));
        }

        return table;
    }

    public static LatencyRow RowOf(LatencyResult result) => new(
        result.Contender.Name, result.Operations / result.Run.Seconds, result.Microseconds(Median), result.Microseconds(OneInHundred),
        result.Microseconds(OneInThousand), result.Microseconds(OneInTenThousand), result.Slow(SlowCause.Ran), result.Slow(SlowCause.Waited),
        result.Slow(SlowCause.Preempted), result.Run.LongestMs, result.Run.Pauses.Length, result.LongestPauseMs, result.Run.CpuSeconds / result.Run.Seconds,
        result.Run.PeakBytes);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The figures of a contender. Scripts depend on the names, which become snake_case in the file.</summary>
internal sealed record LatencyRow(
    string Allocator, double OperationsPerS, double P50Us, double P99Us, double P999Us, double P9999Us, int SlowRan, int SlowWaited, int SlowPreempted,
    double LongestMs, int Pauses, double PauseMaxMs, double CpuPerS, long? PeakRssBytes);
