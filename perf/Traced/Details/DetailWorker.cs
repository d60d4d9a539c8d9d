using System.Diagnostics;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>What a part of traced memory took, by the names of the figures.</summary>
internal sealed record DetailRun(Dictionary<string, double> Figures);

/// <summary>Child process: measures one part of traced memory.</summary>
internal static class DetailWorker
{
    public const string Verb = "traced-detail";

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(10);

    public static int Run(string name)
    {
        HeapDetail detail = TracedCatalog.FindDetail(name);
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_warmUp)
        {
            detail.WarmUp();
            Thread.Sleep(s_rest);
        }

        WorkerProtocol.Send(new DetailRun(detail.Measure()));
        return 0;
    }
}
