using System.CommandLine;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;
using SpanHeap.Perf.Traced.Details;
using SpanHeap.Perf.Traced.Latency;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced;

/// <summary><c>perf -- traced</c>: programs that make garbage, with traced memory, .NET's collector, Boehm's and Go's.</summary>
internal static class TracedCommand
{
    public static Command Declare()
    {
        Command command = TracedOptions.Declare(Run);
        command.Add(LatencyCommand.Declare());
        return command;
    }

    private static int Run(TracedOptions options)
    {
        using GoProgram? go = options.Runs(TracedAllocator.Go) ? GoProgram.TryBuild("trees") : null;
        TracedAllocator[] allocators = [.. options.Allocators.Where(IsHere)];
        TracedResult[][] programs =
        [
            .. options.Workloads.Select(workload => allocators
                .Where(allocator => allocator.Runs(workload))
                .Select(allocator => new TracedResult(workload, allocator)).ToArray()),
        ];
        HeapDetail[] details = [.. options.Details.Where(_ => allocators.Any(allocator => allocator.Name == TracedAllocator.SpanHeap))];
        if (details.Length == 0 && programs.All(program => program.Length == 0))
        {
            throw new InputException("No allocator to measure these workloads with.");
        }

        foreach (TracedResult[] program in programs)
        {
            TracedSeries.Measure(program, go, options.Rounds);
        }

        Report(options, [.. programs.SelectMany(program => program)], DetailResult.Measure(details, options.Rounds));
        return 0;

        bool IsHere(TracedAllocator allocator) => allocator.Name switch
        {
            TracedAllocator.Go => go is not null,
            TracedAllocator.Boehm => options.Runs(allocator.Name) && BoehmSession.IsInstalled(),
            _ => true,
        };
    }

    private static void Report(TracedOptions options, TracedResult[] programs, IReadOnlyList<DetailResult> details)
    {
        Progress.Clear();
        Console.WriteLine(Machine.Current);
        Console.WriteLine();
        if (programs.Length > 0)
        {
            PrintPrograms(programs, options.Rounds);
        }

        if (details.Count > 0)
        {
            PrintDetails(details);
        }

        if (options.Json is { } json)
        {
            JsonReport.Write(json, [.. TracedRows.Of(programs, options.Rounds), .. DetailTable.Rows(details, options.Rounds)], WorkerBuild.Ordinary);
        }

        if (options.Chart is { } chart)
        {
            ReportFile.Write(TracedOptions.ChartOption, chart, TracedChart.Of(programs, options.Allocators));
        }
    }

    private static void PrintPrograms(TracedResult[] programs, int rounds)
    {
        Console.Write(TracedTable.Of(programs));
        Console.WriteLine();
        Console.WriteLine($"""
            Medians of {rounds} rounds of one run, each in a process of its own after a warm-up with a small program, rounds
            interleaved. CPU: user and system time of the process. Pauses: of each run the longest and the 99.9th percentile; all together
            those of .NET's own collector and their longest, whatever memory the program uses.
            Peak: resident above what it was before the run.
            """);
        Console.WriteLine();
        if (PartTable.Of(programs) is not { } parts)
        {
            return;
        }

        Console.Write(parts);
        Console.WriteLine();
    }

    private static void PrintDetails(IReadOnlyList<DetailResult> details)
    {
        Console.Write(DetailTable.Of(details));
        Console.WriteLine();
        Console.WriteLine("""
            sweep-dead: so many dead blocks of 16 bytes are collected; from the end of marking to the return of Collect, in it what
            the cycle before had left (finishing), and FinishSweeping after it. sweep-span: 1 GiB of such blocks, one of 512 alive,
            cold; by one thread, and from the end of marking together with the background. alloc-16: refills included.
            """);
    }
}
