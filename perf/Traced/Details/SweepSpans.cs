using System.Diagnostics;
using SpanHeap.Perf.Measurement;
using SpanHeap.Traced;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>
/// Sweeping 1 GiB of spans of 16-byte blocks, one of 512 of which is alive, so that nearly every span keeps one and is not given back.
/// </summary>
/// <remarks>
/// Once on one thread alone, all of the metadata out of the caches: the thread pool is kept busy meanwhile, so that the background
/// sweeper does not begin. Once as in a program: from the end of marking until all is swept, by both.
/// </remarks>
internal sealed class SweepSpans(string name) : HeapDetail(name)
{
    private const long Bytes = 1L << 30;
    private const int BlockBytes = 16;
    private const int BlocksOfSpan = 512;
    private const int Repetitions = 2;
    private const int SmallPart = 1 << 10;

    public override Dictionary<string, double> Measure() => Measure(Bytes / BlockBytes, Repetitions);

    public override void WarmUp() => Measure(Bytes / BlockBytes / SmallPart, 1);

    private static Dictionary<string, double> Measure(long blocks, int repetitions)
    {
        using TracedHeap heap = NewHeap();
        TracedHandle<TracedArray<Block>> survivors = NewSurvivors(heap, blocks / BlocksOfSpan);
        List<PerSpan> alone = [], both = [];
        for (int i = 0; i < repetitions; i++)
        {
            using (new BusyPool())
            {
                alone.Add(Sweep(heap, survivors, blocks, isAlone: true));
            }

            both.Add(Sweep(heap, survivors, blocks, isAlone: false));
        }

        return new Dictionary<string, double>
        {
            ["ns_per_span"] = Averages.Median(alone.Select(one => one.Wall)),
            ["cpu_ns_per_span"] = Averages.Median(alone.Select(one => one.Cpu)),
            ["with_background_ns_per_span"] = Averages.Median(both.Select(one => one.Wall)),
            ["with_background_cpu_ns_per_span"] = Averages.Median(both.Select(one => one.Cpu)),
            ["spans"] = alone[0].Spans,
        };
    }

    private static PerSpan Sweep(TracedHeap heap, TracedHandle<TracedArray<Block>> survivors, long blocks, bool isAlone)
    {
        Blocks.MakeWithSurvivors(heap, survivors, blocks, BlocksOfSpan);
        long before = SpansSwept(heap);
        heap.Collect();
        if (isAlone)
        {
            ColdCaches.Make();
        }

        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long start = isAlone ? Stopwatch.GetTimestamp() : heap.Parts.Collector.LastTimes.MarkEnd;
        heap.FinishSweeping();
        double wall = Nanoseconds(start, Stopwatch.GetTimestamp());
        TimeSpan used = Environment.CpuUsage.TotalTime - cpu;
        long spans = SpansSwept(heap) - before;
        return new PerSpan(wall / spans, used.TotalNanoseconds / spans, spans);
    }

    private static TracedHandle<TracedArray<Block>> NewSurvivors(TracedHeap heap, long count)
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.NewArray<Block>(count));
    }

    private static long SpansSwept(TracedHeap heap) => Enum.GetValues<SweepReason>().Sum(heap.Parts.Statistics.SpansSweptBy);

    private readonly record struct PerSpan(double Wall, double Cpu, long Spans);
}
