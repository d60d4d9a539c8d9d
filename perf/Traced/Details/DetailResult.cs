using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>A part of traced memory: the figures of each round, and their medians.</summary>
internal sealed class DetailResult(HeapDetail detail)
{
    private readonly List<DetailRun> _rounds = [];

    public string Name => detail.Name;

    /// <summary>In the order in which they are measured.</summary>
    public IEnumerable<string> Figures => _rounds[0].Figures.Keys;

    public static IReadOnlyList<DetailResult> Measure(IReadOnlyList<HeapDetail> details, int rounds)
    {
        DetailResult[] results = [.. details.Select(detail => new DetailResult(detail))];
        for (int round = 1; round <= rounds; round++)
        {
            foreach (DetailResult result in results)
            {
                Progress.Show($"{result.Name}, round {round} of {rounds}");
                using var worker = new WorkerProcess([DetailWorker.Verb, result.Name], []);
                result._rounds.Add(worker.Answer<DetailRun>());
            }
        }

        return results;
    }

    public IEnumerable<double> RoundsOf(string figure) => _rounds.Select(round => round.Figures[figure]);

    public double Median(string figure) => Averages.Median(RoundsOf(figure));
}
