using System.Text;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>A comparison in Markdown: times side by side, means, then every figure.</summary>
internal static class CompareReport
{
    private const string NotPossible = "-";

    public static string Of(CompareRun run)
    {
        IReadOnlyList<AllocatorEntry> allocators = run.Allocators;
        IReadOnlyList<Comparison> comparisons = run.Comparisons;
        string ofNoisy = run.MostRounds > run.Rounds ? $" (of {run.MostRounds} where a row makes threads or shares cache lines)" : "";
        var text = new StringBuilder();
        text.AppendLine(run.Machine.ToString()).AppendLine();
        text.AppendLine($"Build of the fresh processes (cold, peak, idle): {run.Fresh.Name}{WhatItMeans(run.Fresh)}").AppendLine();
        text.Append(Times(comparisons, allocators)).AppendLine();
        text.AppendLine($"""
            ns/op: median of {run.Rounds} {(run.Rounds == 1 ? "round" : "rounds")}{ofNoisy} after warm-up, each allocator in a process of its own,
            rounds interleaved. 'vs best' and 'vs system' are of spanheap: to the best C allocator of the row, and to NativeMemory; below 1 is
            faster. '{NotPossible}': the allocator cannot do it. 'limit' is no allocator for programs but the cheapest correct stack of addresses.
            """);
        text.AppendLine(comparisons.Any(static comparison => comparison.Workload.StandsApart) ? "An operation of huge-N is a MiB; these rows are in no mean.\n" : "");
        if (comparisons.Any(static comparison => !comparison.Workload.StandsApart))
        {
            text.Append(CompareMeans.Of(comparisons, allocators)).AppendLine();
            text.AppendLine("""
                Geometric means over the rows where both sides have the figure. Peak: resident memory above the baseline in the first pass of a
                fresh process; beside it, of the rows alone where mimalloc's is above 16 MiB: below, one sees the pages of an allocator's code
                more than its blocks. Cold: the time of that pass. Idle: what is left 3 s after the last free. At least 1 MiB is taken for memory,
                below which it is noise.

                """);
        }

        if (HugeTable.TryMake(comparisons, allocators) is { } huge)
        {
            text.Append(huge).AppendLine();
            text.AppendLine("""
                What a MiB costs of a huge block that is allocated, touched and freed again and again, in times of what it costs of one of 8 MiB.
                Far above 1, the block went back to the system, which maps and clears its pages each time. Near 1, the allocator does with it as
                with one of 8 MiB: it keeps both, or, where the first column is far above that of others, neither.

                """);
        }

        text.Append(Details(comparisons)).AppendLine();
        foreach (CompareResult result in comparisons.SelectMany(comparison => comparison.Results).Where(result => result.Failure is not null))
        {
            text.AppendLine($"FAILED: {result.Failure}");
        }

        return text.ToString();
    }

    private static MarkdownTable Times(IReadOnlyList<Comparison> comparisons, IReadOnlyList<AllocatorEntry> allocators)
    {
        var table = new MarkdownTable(["<ns/op", .. allocators.Select(allocator => allocator.Name), "vs best", "vs system"]);
        foreach (Comparison comparison in comparisons)
        {
            double? own = comparison.Of(AllocatorCatalog.SpanHeap)?.Warm;
            table.Add([
                comparison.Name,
                .. allocators.Select(allocator => Time(comparison.Of(allocator.Name))),
                MarkdownTable.Ratio(own / comparison.BestPeer(result => result.Warm)),
                MarkdownTable.Ratio(own / comparison.Of(AllocatorCatalog.System)?.Warm),
            ]);
        }

        return table;
    }

    private static string WhatItMeans(WorkerBuild fresh) => fresh == WorkerBuild.Ordinary
        ? ", because no other could be made; cold is mostly the JIT, more of it where more of the allocator is C#"
        : ": harness and SpanHeap compiled ahead, as the package and published programs are";

    private static string Time(CompareResult? result) => result switch
    {
        null => NotPossible,
        { Failure: not null } => "FAILED",
        _ => MarkdownTable.Nanoseconds(result.Warm),
    };

    private static MarkdownTable Details(IReadOnlyList<Comparison> comparisons)
    {
        var table = new MarkdownTable(
            "<workload", "threads", "<allocator", "ns/op", "min", "max", "vs best", "vs system", "cold ns/op", "vs system",
            "peak MiB", "vs best", "idle MiB");
        foreach (Comparison comparison in comparisons)
        {
            CompareResult? system = comparison.Of(AllocatorCatalog.System);
            foreach (CompareResult result in comparison.Results.Where(result => result.Warm is not null))
            {
                table.Add(
                    comparison.Workload.Name, $"{comparison.Threads}", result.Allocator.Name,
                    MarkdownTable.Nanoseconds(result.Warm),
                    MarkdownTable.Nanoseconds(result.WarmRounds.Min()), MarkdownTable.Nanoseconds(result.WarmRounds.Max()),
                    MarkdownTable.Ratio(result.Warm / comparison.BestPeer(peer => peer.Warm)), MarkdownTable.Ratio(result.Warm / system?.Warm),
                    MarkdownTable.Nanoseconds(result.Cold), MarkdownTable.Ratio(result.Cold / system?.Cold),
                    MarkdownTable.Mebibytes(result.PeakBytes), MarkdownTable.Ratio(result.PeakBytes / comparison.BestPeer(peer => peer.PeakBytes)),
                    MarkdownTable.Mebibytes(result.IdleBytes));
            }
        }

        return table;
    }
}
