using System.CommandLine;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CBaseline;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Instructions;

/// <summary><c>perf -- instructions</c>: how many instructions a pair of an Alloc and a Free takes, counted and not timed.</summary>
internal static class InstructionsCommand
{
    private const string Empty = "empty";

    private static readonly string[] s_managed = [AllocatorCatalog.SpanHeap, "spanheap-local"];
    private static readonly string[] s_allocators = [.. s_managed, AllocatorCatalog.System, "mimalloc", "tcmalloc", "jemalloc"];

    public static Command Declare()
    {
        Option<IReadOnlyList<string>?> workloads = CommandOptions.List(CommandOptions.Workloads);
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<bool> cache = new("--cache");
        Option<string?> counter = CommandOptions.Text("--counter");
        Option<string?> baseline = CommandOptions.Text(InstructionBaseline.Option);
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Command command = new("instructions") { workloads, allocators, cache, counter, baseline, json };
        command.SetAction(line => Run(
            CountedWorkload.Choose(line.GetValue(workloads)), line.GetValue(allocators) ?? s_allocators, line.GetValue(cache), line.GetValue(counter),
            line.GetValue(baseline), line.GetValue(json)));
        return command;
    }

    // 1 when a row is above the baseline.
    private static int Run(
        IReadOnlyList<CountedWorkload> workloads, IReadOnlyList<string> names, bool cache, string? counter, string? baselinePath, string? json)
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, json);
        InstructionBaseline? baseline = baselinePath is null ? null : ReadBaseline(baselinePath);
        if (Callgrind.TryFind() is not { } version)
        {
            return 0;
        }

        IReadOnlyList<AllocatorEntry> allocators = AllocatorCatalog.Choose(names, []);
        AllocatorEntry[] peers = [.. allocators.Where(static allocator => allocator.IsPeer)];
        string[] managed = [.. allocators.Select(static allocator => allocator.Name).Intersect(s_managed)];
        using Callgrind callgrind = new(cache);
        using CProgram? program = peers.Length > 0 ? CProgram.TryBuild("counting C allocators") : null;
        CountedSide[] sides = [.. SideOf(managed, counter, callgrind), .. SideOf(peers, program)];
        if (sides.Length == 0)
        {
            return 0;
        }

        IReadOnlyList<InstructionRow> rows = Count(workloads, sides, callgrind, baseline);
        Progress.Clear();
        Print(rows, cache, version, program?.Version);
        if (json is not null)
        {
            JsonReport.Write(json, rows, new WorkerBuild(CounterBuild.Name, null));
        }

        return baseline is null ? 0 : Compare(baseline, [.. rows.Where(static row => s_managed.Contains(row.Allocator))]);
    }

    private static InstructionBaseline ReadBaseline(string path)
    {
        try
        {
            return InstructionBaseline.Parse(path, File.ReadAllText(path), Machine.Current.Architecture);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{InstructionBaseline.Option} {path}: {error.Message}", error);
        }
    }

    private static IEnumerable<CountedSide> SideOf(string[] managed, string? counter, Callgrind callgrind)
    {
        if (counter is not null && !File.Exists(counter))
        {
            throw new InputException($"--counter {counter}: there is no such file.");
        }

        if (managed.Length == 0 || (counter ?? CounterBuild.TryMake()) is not { } made)
        {
            return [];
        }

        string copy = callgrind.CopyAlone(made);
        return [new CountedSide(CountedProgram.Managed(copy, Empty), [.. managed.Select(name => CountedProgram.Managed(copy, name))])];
    }

    private static IEnumerable<CountedSide> SideOf(AllocatorEntry[] peers, CProgram? program)
    {
        if (program is null)
        {
            return [];
        }

        program.BuildEmpty();
        return [new CountedSide(new CountedProgram(Empty, program.EmptyPath, ["count"]), [.. peers.Select(peer => CountedProgram.InC(program, peer))])];
    }

    private static List<InstructionRow> Count(
        IReadOnlyList<CountedWorkload> workloads, CountedSide[] sides, Callgrind callgrind, InstructionBaseline? baseline)
    {
        List<InstructionRow> rows = [];
        foreach (CountedWorkload workload in workloads)
        {
            foreach (CountedSide side in sides)
            {
                Counts loop = callgrind.PerPair(side.Empty, workload);
                foreach (CountedProgram program in side.Contenders)
                {
                    InstructionRow row = Row(workload, program.Name, callgrind.PerPair(program, workload) - loop);
                    bool isDoubtful = s_managed.Contains(row.Allocator) && baseline?.Regressions([row]).Count > 0;
                    rows.Add(isDoubtful ? CountAgain(row, workload, side, program, callgrind) : row);
                }
            }
        }

        return rows;
    }

    // On a busy machine counts differ by up to five percent from run to run, because some things happen by the clock, in the many rounds or in the few. So a
    // row takes more than the baseline allows only if it does so three times.
    private static InstructionRow CountAgain(
        InstructionRow first, CountedWorkload workload, CountedSide side, CountedProgram program, Callgrind callgrind)
    {
        InstructionRow Next() => Row(workload, program.Name, callgrind.PerPair(program, workload) - callgrind.PerPair(side.Empty, workload));
        return ((InstructionRow[])[first, Next(), Next()]).MinBy(static row => row.InstructionsPerPair)!;
    }

    private static InstructionRow Row(CountedWorkload workload, string allocator, Counts counts)
    {
        const int Digits = 3;
        return new InstructionRow(workload.Name, allocator, Math.Round(counts.Instructions, Digits))
        {
            FirstLevelMissesPerPair = counts.FirstLevelMisses is { } first ? Math.Round(first, Digits) : null,
            LastLevelMissesPerPair = counts.LastLevelMisses is { } last ? Math.Round(last, Digits) : null,
        };
    }

    private static void Print(IReadOnlyList<InstructionRow> rows, bool cache, string valgrind, string? compiler)
    {
        Console.WriteLine(Machine.Current);
        Console.WriteLine(compiler is null ? valgrind : $"{valgrind}, {compiler}");
        Console.WriteLine();
        Console.Write(InstructionTable.Instructions(rows));
        if (cache)
        {
            Console.WriteLine();
            Console.Write(InstructionTable.FirstLevelMisses(rows));
            Console.WriteLine();
            Console.Write(InstructionTable.LastLevelMisses(rows));
        }

        Console.WriteLine();
        Console.WriteLine("""
            What a pair of an Alloc and a Free takes (of growth: a step), counted by callgrind: many rounds less a few, less what the same loop
            takes with an allocator that does nothing. SpanHeap is called from C# compiled with NativeAOT, the others from C (gcc -O2).
            """);
    }

    private static int Compare(InstructionBaseline baseline, InstructionRow[] rows)
    {
        Console.WriteLine();
        if (rows.Length == 0)
        {
            Console.WriteLine("SpanHeap was not counted, so there is nothing to compare with the baseline.");
            return 0;
        }

        IReadOnlyList<string> regressions = baseline.Regressions(rows);
        IReadOnlyList<string> gains = baseline.Gains(rows);
        foreach (string sentence in regressions.Concat(gains))
        {
            Console.WriteLine(sentence);
        }

        Console.WriteLine(regressions.Count == 0 ? "No row takes more than the baseline allows." : "A row takes more than the baseline allows.");
        if (regressions.Count + gains.Count > 0)
        {
            Console.WriteLine($"If that is to stay, write new counts: perf -- instructions {JsonReport.Option} {InstructionBaseline.Committed}");
        }

        return regressions.Count == 0 ? 0 : 1;
    }
}
