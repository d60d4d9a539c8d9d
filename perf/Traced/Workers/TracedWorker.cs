using System.Diagnostics;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workloads;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>Child process: runs a program small until it is compiled well, then once whole, and tells what that took.</summary>
internal static class TracedWorker
{
    public const string Verb = "traced";

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(10);

    public static int Run(string allocator, string workload)
    {
        TracedWorkload program = TracedCatalog.Find(workload);
        WorkerProtocol.Send(allocator switch
        {
            _ when TracedAllocator.OptionsOf(allocator) is { } options => OnSpanHeap(program, options),
            TracedAllocator.Dotnet => OnDotnet(program),
            TracedAllocator.Boehm => OnBoehm(program),
            _ => throw new ArgumentException($"{allocator} is not run by this program."),
        });
        return 0;
    }

    private static TracedRun OnSpanHeap(TracedWorkload program, TracedHeapOptions options)
    {
        TracedWorkload small = program.Small;
        nuint minimum = options.MinimumBytes;

        // A low minimum, so that collecting is warmed up too.
        options.MinimumBytes = 64 << 10;
        WarmUp(() =>
        {
            using var session = new SpanHeapSession(options);
            small.Run(session);
            session.Collect();
            session.Heap.FinishSweeping();
        });
        options.MinimumBytes = minimum;
        using var dotnet = new DotnetPauses();
        SpanHeapSession? session = null;
        TracedRun run = Measure(() => program.Run(session = new SpanHeapSession(options)), out DateTime start);
        double[]? pauses = Complete(dotnet.Since(start), run.DotnetPausedMs ?? 0);
        using (session)
        {
            return run with
            {
                Collections = session!.Collections,
                PausesMs = session.Pauses,
                PartsMs = program.Parts,
                DotnetLongestPauseMs = pauses?.DefaultIfEmpty().Max(),
            };
        }
    }

    private static TracedRun OnDotnet(TracedWorkload program)
    {
        TracedWorkload small = program.Small;
        using var pauses = new DotnetPauses();
        WarmUp(() => small.Run(new DotnetSession()));
        DotnetSession? session = null;
        TracedRun run = Measure(
            () =>
            {
                program.Run(session = new DotnetSession());
                session.End();
            },
            out DateTime start);
        double[]? known = Complete(pauses.Since(start), session!.PausesTotal);
        return run with
        {
            Collections = session.Collections,
            DotnetLongestPauseMs = known?.DefaultIfEmpty().Max(),
            BytesPerCollection = session.BytesPerCollection,
            PausesMs = known,
            Configuration = DotnetSession.Configuration,
            PartsMs = program.Parts,
        };
    }

    // Null when events were lost: the runtime knows the sum.
    private static double[]? Complete(double[] pauses, double total) => pauses.Sum() >= 0.9 * total ? pauses : null;

    private static TracedRun OnBoehm(TracedWorkload program)
    {
        TracedWorkload small = program.Small;
        WarmUp(() => small.Run(new BoehmSession()));
        var session = new BoehmSession();
        TracedRun run = Measure(() => program.Run(session), out _);
        return run with { Collections = session.Collections, PausesMs = session.Pauses };
    }

    // Often and with rests: methods are compiled anew, in the background, after some thirty calls and when nothing else is.
    private static void WarmUp(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_warmUp)
        {
            run();
            Thread.Sleep(s_rest);
        }
    }

    // The start is after the collection that the peak's meter begins with, which is none of the program's.
    private static TracedRun Measure(Action run, out DateTime begun)
    {
        PeakMeter peak = PeakMeter.Start();
        begun = DateTime.UtcNow;
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        TimeSpan paused = GC.GetTotalPauseDuration();
        long start = Stopwatch.GetTimestamp();
        run();
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double used = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
        return new TracedRun(wall, used, 0, null, peak.Bytes) { DotnetPausedMs = (GC.GetTotalPauseDuration() - paused).TotalMilliseconds };
    }
}
