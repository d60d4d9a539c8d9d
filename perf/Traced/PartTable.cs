using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced;

/// <summary>The parts of programs that time them one by one: a row for each part and memory manager.</summary>
internal static class PartTable
{
    /// <summary>Null where no program does.</summary>
    public static MarkdownTable? Of(IReadOnlyList<TracedResult> results)
    {
        var table = new MarkdownTable("<program", "<part", "<memory", "ms", "ms / .NET");
        bool any = false;
        foreach (TracedResult result in results)
        {
            TracedResult? dotnet = results.FirstOrDefault(other => other.Workload == result.Workload && other.Allocator.Name == TracedAllocator.Dotnet);
            foreach ((string part, double time) in result.Parts)
            {
                any = true;
                table.Add(result.Workload.Name, part, result.Allocator.Name, MarkdownTable.Number(time), MarkdownTable.Ratio(time / dotnet?.Parts[part]));
            }
        }

        return any ? table : null;
    }
}
