using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Guard;

/// <summary>One program without guards and with a sample guarded, in nanoseconds an operation.</summary>
internal sealed record SampledRow(string Program, double NsOff, double NsSampled, double Ratio);

/// <summary>Runs programs with and without a sample of their blocks guarded, in processes of their own, rounds interleaved.</summary>
internal static class SampledSeries
{
    private const int TurnsOfPair = 3;

    private static readonly (string, string)[] s_sampled = [("SPANHEAP_GUARD", nameof(GuardMode.Sampled))];

    public static SampledRow[] Measure(int rounds) =>
    [
        .. TraceFile.Bundled().Select(trace => Measure(TraceFile.NameOf(trace), ["warm", AllocatorCatalog.SpanHeap, trace], rounds)),
        Measure("lines of text", [BusyWorker.Verb], rounds),
    ];

    // One process is faster than another of the same program by some percent, for as long as it lives: so there are as many pairs of
    // them as rounds. Within a pair they take turns, and what disturbs the machine disturbs both.
    private static SampledRow Measure(string program, string[] args, int rounds)
    {
        List<double> off = [], sampled = [], ratios = [];
        for (int round = 1; round <= rounds; round++)
        {
            Progress.Show($"{program}: round {round} of {rounds}");
            (double nsOff, double nsSampled) = MeasurePair(args);
            off.Add(nsOff);
            sampled.Add(nsSampled);
            ratios.Add(nsSampled / nsOff);
        }

        return new SampledRow(program, Averages.Median(off), Averages.Median(sampled), Averages.Median(ratios));
    }

    private static (double Off, double Sampled) MeasurePair(string[] args)
    {
        using var off = new WorkerProcess(args, []);
        off.Answer<WarmReady>();
        using var sampled = new WorkerProcess(args, s_sampled);
        sampled.Answer<WarmReady>();
        List<double> offTurns = [], sampledTurns = [];
        for (int turn = 0; turn < TurnsOfPair; turn++)
        {
            offTurns.Add(off.Ask<RoundTime>("round").NsPerOp);
            sampledTurns.Add(sampled.Ask<RoundTime>("round").NsPerOp);
        }

        return (Averages.Median(offTurns), Averages.Median(sampledTurns));
    }
}
