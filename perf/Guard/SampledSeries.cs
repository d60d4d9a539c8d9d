using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Guard;

/// <summary>One program without guards and with a sample guarded, in nanoseconds an operation.</summary>
internal sealed record SampledRow(string Program, double NsOff, double NsSampled, double Ratio);

/// <summary>Runs programs with and without a sample of their blocks guarded, in processes of their own, rounds interleaved.</summary>
internal static class SampledSeries
{
    private static readonly (string, string)[] s_sampled = [("SPANHEAP_GUARD", nameof(GuardMode.Sampled))];

    public static SampledRow[] Measure(int rounds) =>
    [
        .. TraceFile.Bundled().Select(trace => Measure(TraceFile.NameOf(trace), ["warm", AllocatorCatalog.SpanHeap, trace], rounds)),
        Measure("lines of text", [BusyWorker.Verb], rounds),
    ];

    // The median of the ratios of neighbours: what disturbs the machine disturbs both.
    private static SampledRow Measure(string program, string[] args, int rounds)
    {
        Progress.Show($"{program}: warms up");
        using var off = new WorkerProcess(args, []);
        off.Answer<WarmReady>();
        using var sampled = new WorkerProcess(args, s_sampled);
        sampled.Answer<WarmReady>();
        List<double> offRounds = [], sampledRounds = [], ratios = [];
        for (int round = 1; round <= rounds; round++)
        {
            Progress.Show($"{program}: round {round} of {rounds}");
            offRounds.Add(off.Ask<RoundTime>("round").NsPerOp);
            sampledRounds.Add(sampled.Ask<RoundTime>("round").NsPerOp);
            ratios.Add(sampledRounds[^1] / offRounds[^1]);
        }

        return new SampledRow(program, Averages.Median(offRounds), Averages.Median(sampledRounds), Averages.Median(ratios));
    }
}
