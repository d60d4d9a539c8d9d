using System.Globalization;
using System.Text;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Guard;

/// <summary>All that the command has measured.</summary>
internal sealed record GuardReport
{
    public required GuardPairsResult Pairs { get; init; }

    public GuardLiveResult? Live { get; init; }

    public required SampledRow[] Sampled { get; init; }

    public string ToText(long budget, int rounds)
    {
        var text = new StringBuilder();
        var pairs = new MarkdownTable("guarded pairs", "resident MiB", "mappings", "ns a pair");
        foreach (GuardSample sample in Pairs.Samples)
        {
            pairs.Add(Count(sample.Pairs), MarkdownTable.Mebibytes(sample.ResidentBytes), Count(sample.Mappings), Count((long)sample.NsPerPair));
        }

        text.AppendLine().Append(pairs).AppendLine();
        GuardStatistics guard = Pairs.Statistics;
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            Budget {budget} MiB of address space; {MarkdownTable.Mebibytes(Pairs.ArenaBytes)} MiB reserved. Guarded {Count(guard.Guarded)}, left quarantine
            {Count(guard.Retired)}, degraded {Count(guard.Degraded)}; protected by {(guard.UsesMarkers ? "markers (MADV_GUARD_INSTALL)" : "mprotect")}.
            The system calls and the page fault of a pair take {Count((long)Pairs.NsOfSystemCalls)} ns by themselves.
            """);
        if (Live is { } live)
        {
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"""
                {Count(live.Blocks)} guarded blocks of 100 bytes alive at once: {MarkdownTable.Mebibytes(live.ResidentBytes)} MiB resident, a page each and
                {MarkdownTable.Mebibytes(live.MetadataBytes)} MiB of records among it; page tables {MarkdownTable.Mebibytes(live.PageTableBytes)} MiB; {Count(live.Mappings)} mappings; degraded {Count(live.Statistics.Degraded)}.
                """);
        }

        var sampled = new MarkdownTable("<program", "off, ns", "sampled, ns", "ratio");
        foreach (SampledRow row in Sampled)
        {
            sampled.Add(row.Program, MarkdownTable.Nanoseconds(row.NsOff), MarkdownTable.Nanoseconds(row.NsSampled), row.Ratio.ToString("F3", CultureInfo.InvariantCulture));
        }

        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"""
            One allocation in {Count(new NativeHeapOptions().Guard.Rate)} guarded, unless SPANHEAP_GUARD_RATE says otherwise; medians of {Count(rounds)} pairs of processes.
            """);
        return text.AppendLine().Append(sampled).AppendLine().ToString();
    }

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
