using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Replay;

/// <summary>Child process: warms one allocator up on one trace and then times a round whenever it is asked to.</summary>
internal sealed class WarmWorker(string path) : IAllocatorVisitor
{
    private static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan s_round = TimeSpan.FromMilliseconds(60);

    private readonly AllocationTrace _trace = TraceReader.Read(path);

    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        var replayer = new Replayer(_trace.SlotCount);
        TimeSpan best = WarmUp<T>(replayer);
        int repetitions = Repetitions(s_round, best);
        WorkerProtocol.Send(new WarmReady(repetitions));

        while (WorkerProtocol.NextQuestion() is not null)
        {
            // The others had the caches of the processor meanwhile.
            replayer.Run<T>(_trace.Operations);
            TimeSpan time = Time<T>(replayer, repetitions);
            WorkerProtocol.Send(new RoundTime(time.TotalNanoseconds / ((double)repetitions * _trace.Operations.Length)));
        }

        return 0;
    }

    /// <summary>
    /// Short bursts and pauses, in which the runtime compiles at tier 1 what was called often enough. The slow
    /// paths come last: they are called a few times in each replay. So this goes on until the best time of a
    /// replay has not improved for a while, within bounds.
    /// </summary>
    private TimeSpan WarmUp<T>(Replayer replayer) where T : struct, IAllocator<T>, allows ref struct
    {
        TimeSpan atLeast = TimeSpan.FromSeconds(2), atMost = TimeSpan.FromSeconds(5), patience = TimeSpan.FromSeconds(0.5);
        var clock = Stopwatch.StartNew();
        TimeSpan best = Time<T>(replayer, 1), lastGain = clock.Elapsed;
        while (clock.Elapsed < atLeast || (clock.Elapsed - lastGain < patience && clock.Elapsed < atMost))
        {
            int repetitions = Repetitions(s_burst, best);
            TimeSpan time = Time<T>(replayer, repetitions) / repetitions;
            if (time < 0.99 * best)
                lastGain = clock.Elapsed;
            if (time < best)
                best = time;
            Thread.Sleep(15);
        }

        return best;
    }

    private TimeSpan Time<T>(Replayer replayer, int repetitions) where T : struct, IAllocator<T>, allows ref struct
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repetitions; i++)
            replayer.Run<T>(_trace.Operations);
        return Stopwatch.GetElapsedTime(start);
    }

    private static int Repetitions(TimeSpan wanted, TimeSpan one) => Math.Max(1, (int)Math.Ceiling(wanted / one));
}
