using System.Diagnostics;
using SpanHeap.Perf.Measurement;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>A collection that finds nothing alive among the given number of blocks of 16 bytes: what comes after marking, and all of the sweeping.</summary>
internal sealed class SweepDead(string name, long blocks, int repetitions) : HeapDetail(name)
{
    private const int BlocksOfWarmUp = 1000;

    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(5);

    public override Dictionary<string, double> Measure()
    {
        using TracedHeap heap = NewHeap();
        Times[] all = [.. Enumerable.Range(0, repetitions).Select(_ => CollectDead(heap, blocks))];
        return new Dictionary<string, double>
        {
            ["after_mark_ns"] = Averages.Median(all.Select(times => times.AfterMark)),
            ["collect_ns"] = Averages.Median(all.Select(times => times.Whole)),
            ["finishing_ns"] = Averages.Median(all.Select(times => times.Finishing)),
            ["finish_sweeping_ns"] = Averages.Median(all.Select(times => times.Sweeping)),
        };
    }

    public override void WarmUp()
    {
        using TracedHeap heap = NewHeap();
        CollectDead(heap, BlocksOfWarmUp);
    }

    private static Times CollectDead(TracedHeap heap, long blocks)
    {
        Blocks.MakeDead(heap, blocks);
        // So that caches are cold and the pool sleeps, and is woken by the collection, whatever the number of blocks.
        ColdCaches.Make();
        Thread.Sleep(s_rest);
        long start = Stopwatch.GetTimestamp();
        heap.Collect();
        long collected = Stopwatch.GetTimestamp();
        heap.FinishSweeping();
        long swept = Stopwatch.GetTimestamp();
        CycleTimes times = heap.Parts.Collector.LastTimes;
        return new Times(
            Nanoseconds(start, collected), times.Finishing.TotalNanoseconds, Nanoseconds(times.MarkEnd, collected), Nanoseconds(collected, swept));
    }

    private readonly record struct Times(double Whole, double Finishing, double AfterMark, double Sweeping);
}
