using System.Text;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>A comparison in Markdown: times side by side, means, then every figure.</summary>
internal static class CompareReport
{
    private const string NotPossible = "-";

    public static string Of(IReadOnlyList<Bout> bouts, IReadOnlyList<AllocatorEntry> allocators, int rounds, WorkerBuild fresh)
    {
        var text = new StringBuilder();
        text.AppendLine(Machine.Current.ToString()).AppendLine();
        text.AppendLine($"Build of the fresh processes (cold, peak, idle): {fresh.Name}{WhatItMeans(fresh)}").AppendLine();
        text.Append(Times(bouts, allocators)).AppendLine();
        text.AppendLine($"""
            ns/op: median of {rounds} rounds after warm-up, each allocator in a process of its own, rounds interleaved. 'vs best' and 'vs system'
            are of spanheap: to the best C allocator of the row, and to NativeMemory; below 1 is faster. '{NotPossible}': the allocator cannot do it.
            'limit' is no allocator for programs but the cheapest correct stack of addresses.

            """);
        text.Append(CompareMeans.Of(bouts, allocators)).AppendLine();
        text.AppendLine("""
            Geometric means over the rows where both sides have the figure. Peak: resident memory above the baseline in the first pass of
            a fresh process. Cold: the time of that pass. Idle: what is left 3 s after the last free. At least 1 MiB is taken
            for memory, below which it is noise.

            """);
        text.Append(Details(bouts)).AppendLine();
        foreach (Cell cell in bouts.SelectMany(bout => bout.Cells).Where(cell => cell.Failure is not null))
            text.AppendLine($"FAILED: {cell.Failure}");
        return text.ToString();
    }

    private static MarkdownTable Times(IReadOnlyList<Bout> bouts, IReadOnlyList<AllocatorEntry> allocators)
    {
        var table = new MarkdownTable(["<ns/op", .. allocators.Select(allocator => allocator.Name), "vs best", "vs system"]);
        foreach (Bout bout in bouts)
        {
            double? own = bout.Of(AllocatorCatalog.SpanHeap)?.Warm;
            table.Add([
                bout.Name,
                .. allocators.Select(allocator => Time(bout.Of(allocator.Name))),
                MarkdownTable.Ratio(own / bout.BestPeer(cell => cell.Warm)),
                MarkdownTable.Ratio(own / bout.Of(AllocatorCatalog.System)?.Warm),
            ]);
        }

        return table;
    }

    private static string WhatItMeans(WorkerBuild fresh) => fresh == WorkerBuild.Ordinary
        ? ", because no other could be made; cold is mostly the JIT, more of it where more of the allocator is C#"
        : ": harness and SpanHeap compiled ahead, as the package and published programs are";

    private static string Time(Cell? cell) => cell switch
    {
        null => NotPossible,
        { Failure: not null } => "FAILED",
        _ => MarkdownTable.Nanoseconds(cell.Warm),
    };

    private static MarkdownTable Details(IReadOnlyList<Bout> bouts)
    {
        var table = new MarkdownTable(
            "<workload", "threads", "<allocator", "ns/op", "min", "max", "vs best", "vs system", "cold ns/op", "vs system",
            "peak MiB", "vs best", "idle MiB");
        foreach (Bout bout in bouts)
        {
            Cell? system = bout.Of(AllocatorCatalog.System);
            foreach (Cell cell in bout.Cells.Where(cell => cell.Warm is not null))
            {
                table.Add(
                    bout.Workload.Name, $"{bout.Threads}", cell.Allocator.Name,
                    MarkdownTable.Nanoseconds(cell.Warm),
                    MarkdownTable.Nanoseconds(cell.WarmRounds.Min()), MarkdownTable.Nanoseconds(cell.WarmRounds.Max()),
                    MarkdownTable.Ratio(cell.Warm / bout.BestPeer(peer => peer.Warm)), MarkdownTable.Ratio(cell.Warm / system?.Warm),
                    MarkdownTable.Nanoseconds(cell.Cold), MarkdownTable.Ratio(cell.Cold / system?.Cold),
                    MarkdownTable.Mebibytes(cell.PeakBytes), MarkdownTable.Ratio(cell.PeakBytes / bout.BestPeer(peer => peer.PeakBytes)),
                    MarkdownTable.Mebibytes(cell.IdleBytes));
            }
        }

        return table;
    }
}
