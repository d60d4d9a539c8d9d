using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>Which allocators keep huge blocks: what a MiB costs in each size, against the least size.</summary>
internal static class HugeTable
{
    private const string Prefix = "huge-";

    /// <summary>Null unless the least size and another were measured.</summary>
    public static MarkdownTable? TryMake(IReadOnlyList<Comparison> comparisons, IReadOnlyList<AllocatorEntry> allocators)
    {
        Comparison[] rows = [.. comparisons.Where(comparison => comparison.Workload.Name.StartsWith(Prefix, StringComparison.Ordinal))];
        if (rows is not [{ Workload.Name: Prefix + "8" } least, .. { Length: > 0 } others])
        {
            return null;
        }

        var table = new MarkdownTable(["<a MiB", $"{least.Name} ns", .. others.Select(row => row.Name)]);
        foreach (string allocator in allocators.Select(allocator => allocator.Name).Where(allocator => least.Of(allocator)?.Warm is not null))
        {
            double? reference = least.Of(allocator)!.Warm;
            table.Add([
                allocator,
                MarkdownTable.Nanoseconds(reference),
                .. others.Select(row => MarkdownTable.Ratio(row.Of(allocator)?.Warm / reference)),
            ]);
        }

        return table;
    }
}
