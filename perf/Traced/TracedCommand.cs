using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced;

/// <summary><c>perf -- traced</c>: programs that make garbage, with traced memory, .NET's collector, Boehm's and Go's.</summary>
internal static class TracedCommand
{
    public static int Run(Arguments arguments)
    {
        TracedOptions options = TracedOptions.Of(arguments);
        IReadOnlyList<TracedWorkload> workloads = TracedCatalog.Choose(options.Workloads);
        List<TracedAllocator> allocators = [.. options.Allocators.Where(allocator => workloads.Any(allocator.Runs))];
        if (allocators.Exists(allocator => allocator.Name == TracedAllocator.Boehm) && !BoehmSession.IsInstalled())
            allocators.RemoveAll(allocator => allocator.Name == TracedAllocator.Boehm);
        using GoProgram? go = allocators.Exists(allocator => allocator.Name == TracedAllocator.Go) ? GoProgram.TryBuild() : null;
        if (go is null)
            allocators.RemoveAll(allocator => allocator.Name == TracedAllocator.Go);

        List<TracedResult> results = [];
        foreach (TracedWorkload workload in workloads)
        {
            TracedResult[] row = [.. allocators.Where(allocator => allocator.Runs(workload)).Select(allocator => new TracedResult(workload, allocator))];
            TracedSeries.Measure(row, go, options.Rounds);
            results.AddRange(row);
        }

        Progress.Clear();
        Print(results, options.Rounds);
        if (options.Json is { } json)
            JsonReport.Write(json, TracedRows.Of(results, options.Rounds), WorkerBuild.Ordinary);
        return 0;
    }

    private static void Print(IReadOnlyList<TracedResult> results, int rounds)
    {
        Console.WriteLine(Machine.Current);
        Console.WriteLine();
        Console.Write(TracedTable.Of(results));
        Console.WriteLine();
        Console.WriteLine($"""
            Medians of {rounds} rounds of one run each, after a warm-up with a small program, in a process of its own,
            rounds interleaved. CPU: user and system time of the process. Peak: resident above what it was before.
            """);
    }
}
