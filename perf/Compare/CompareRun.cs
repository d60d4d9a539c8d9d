using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Allocators.Peers;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>All that a report or a picture of a comparison is made from: what was measured, or what an earlier run has left as JSON.</summary>
/// <param name="Machine">Where it was measured.</param>
/// <param name="Fresh">What fresh processes were started from.</param>
/// <param name="Rounds">How many warm rounds a row has at least.</param>
/// <param name="MostRounds">How many it has if it is noisy.</param>
/// <param name="Allocators">In the order in which tables show them.</param>
/// <param name="Comparisons">The rows.</param>
internal sealed record CompareRun(
    Machine Machine, WorkerBuild Fresh, int Rounds, int MostRounds, IReadOnlyList<AllocatorEntry> Allocators,
    IReadOnlyList<Comparison> Comparisons)
{
    /// <summary>Reads what <c>compare --json</c> has written.</summary>
    /// <exception cref="InputException">It cannot be read, or is something else.</exception>
    public static CompareRun Read(string option, string path)
    {
        (Machine machine, WorkerBuild fresh, IReadOnlyList<ReportRow> rows) = JsonReport.Read<ReportRow>(option, path);
        if (rows.Count == 0)
        {
            throw new InputException($"{option} {path}: there are no rows.");
        }

        Dictionary<string, AllocatorEntry> allocators = rows.Select(row => row.Allocator).Distinct().ToDictionary(name => name, EntryOf);
        IEnumerable<Comparison> comparisons =
            from row in rows
            group row by (row.Workload, row.Threads) into rowsOfWorkload
            select new Comparison(
                EntryOf(rowsOfWorkload.Key.Workload, rowsOfWorkload.Key.Threads), rowsOfWorkload.Key.Threads, showsIdle: false, runsAlone: false,
                [.. rowsOfWorkload.Select(row => ResultOf(row, allocators[row.Allocator]))]);
        return new CompareRun(machine, fresh, rows.Min(row => row.Rounds), rows.Max(row => row.Rounds), [.. allocators.Values], [.. comparisons]);
    }

    // What is not known any more was a peer that the command line named.
    private static AllocatorEntry EntryOf(string name) =>
        AllocatorCatalog.Names.Contains(name) ? AllocatorCatalog.Find(name) : new PeerEntry(name, library: "");

    private static WorkloadEntry EntryOf(string name, int threads) => WorkloadCatalog.All.FirstOrDefault(entry => entry.Name == name)
        ?? new WorkloadEntry(name, "of an earlier run", [threads], _ => throw new NotSupportedException("A row of an earlier run cannot be measured."));

    // Median, least and most of these three are those of all rounds.
    private static CompareResult ResultOf(ReportRow row, AllocatorEntry allocator)
    {
        CompareResult result = new(allocator)
        {
            WarmRounds = { row.NsMin, row.NsPerOp, row.NsMax },
            PeakBytes = row.PeakRssBytes,
            IdleBytes = row.IdleRssBytes,
        };
        if (row.NsCold is { } cold)
        {
            result.ColdRounds.Add(cold);
        }

        return result;
    }
}
