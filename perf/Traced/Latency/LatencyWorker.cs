using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Perf.Traced.Workloads;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>Child process: fills the caches, times their use, and tells how long operations and pauses were.</summary>
internal static class LatencyWorker
{
    public const string Verb = "traced-latency";

    private const long Mebibyte = 1 << 20;

    public static int Run(string contender, string threads, string live, string seconds)
    {
        var setting = new LatencySetting(Number(threads), Number(live), Number(seconds));
        WorkerProtocol.Send(TracedAllocator.OptionsOf(contender) is { } options
            ? OnSpanHeap(setting, options)
            : OnDotnet(setting, contender == LatencyContender.SustainedLowLatency));
        return 0;
    }

    private static LatencyRun OnSpanHeap(LatencySetting setting, TracedHeapOptions options)
    {
        using var session = new SpanHeapSession(options);
        return Measure(setting, (capacity, bits) => new SpanHeapLru(session, capacity, bits), start =>
            [.. session.DatedPauses.Where(pause => pause.At >= start).Select(pause => new CollectorPause(
                Stopwatch.GetElapsedTime(start, pause.At).TotalMilliseconds - pause.Ms, pause.Ms))]);
    }

    private static LatencyRun OnDotnet(LatencySetting setting, bool isLowLatency)
    {
        if (isLowLatency)
        {
            GCSettings.LatencyMode = GCLatencyMode.SustainedLowLatency;
        }

        using var pauses = new DotnetPauses();
        return Measure(setting, static (capacity, bits) => new DotnetLru(capacity, bits), start =>
        {
            DateTime begun = DateTime.UtcNow - Stopwatch.GetElapsedTime(start);
            return [.. pauses.DatedSince(begun).Select(pause => new CollectorPause((pause.Begin - begun).TotalMilliseconds, pause.Ms))];
        });
    }

    private static LatencyRun Measure(LatencySetting setting, Func<int, int, ILru> make, Func<long, CollectorPause[]> pausesSince)
    {
        PeakMeter peak = PeakMeter.Start();
        using var mutators = new LatencyMutators(make, setting.Threads, setting.LiveMebibytes * Mebibyte, TimeSpan.FromSeconds(setting.Seconds));
        mutators.Fill();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long start = mutators.Time();
        TimeSpan passed = Stopwatch.GetElapsedTime(start);
        double used = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
        CollectorPause[] pauses = [.. pausesSince(start).Where(pause => pause.AtMs < passed.TotalMilliseconds)];
        long? peakBytes = peak.Bytes;
        IReadOnlyList<LatencyRecorder> recorders = mutators.Check();
        var all = new LatencyHistogram();
        int[] causes = new int[Enum.GetValues<SlowCause>().Length];
        foreach (LatencyRecorder recorder in recorders)
        {
            all.Add(recorder.Histogram);
            for (int cause = 0; cause < causes.Length; cause++)
            {
                causes[cause] += recorder.Causes[cause];
            }
        }

        return new LatencyRun(
            passed.TotalSeconds, all.Counts, [.. recorders.SelectMany(recorder => recorder.Slow).OrderBy(operation => operation.AtMs)], causes,
            recorders.Max(recorder => recorder.LongestMs), pauses, peakBytes, used);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
