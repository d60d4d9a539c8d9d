using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Endurance;

/// <summary>
/// Eight threads allocate 1 GiB together, free it in random order and then block, alive, for three seconds.
/// Each frees its own blocks, or, crossed, a part of those of each other thread.
/// </summary>
internal sealed class IdleThreads(bool crossed) : Scenario
{
    private const int Threads = 8;

    public override string Name => crossed ? "idle-crossed" : "idle-threads";

    public override string Limit => "4 MiB left a thread after 3 s";

    public override Outcome Run<T>(long blocks)
    {
        BlockSet[] sets = [.. Enumerable.Range(1, Threads).Select(seed => new BlockSet(seed, 1024 * MiB / Threads))];
        using var phase = new Barrier(Threads + 1);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(me => new Thread(() => Live<T>(sets, me, phase)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        phase.SignalAndWait(); // all are born
        PeakMeter peak = PeakMeter.Start();
        long? before = ProcessMemory.Resident;
        long start = Stopwatch.GetTimestamp();
        phase.SignalAndWait(); // allocate
        phase.SignalAndWait(); // free
        phase.SignalAndWait(); // done
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        Thread.Sleep(TimeSpan.FromSeconds(3));
        var outcome = new Outcome(time.TotalSeconds, peak.Bytes, ProcessMemory.Resident - before, []);

        phase.SignalAndWait(); // die
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        return outcome;
    }

    public override bool? Holds(Outcome outcome, Outcome? system) =>
        outcome.RestBytes is { } rest ? rest <= Threads * 4 * MiB : null;

    private void Live<T>(BlockSet[] sets, int me, Barrier phase) where T : struct, IAllocator<T>, allows ref struct
    {
        phase.SignalAndWait();
        phase.SignalAndWait();
        sets[me].Allocate<T>();
        sets[me].Shuffle();
        phase.SignalAndWait();
        if (crossed)
        {
            for (int distance = 1; distance < Threads; distance++)
            {
                sets[(me + distance) % Threads].Free<T>(distance - 1, Threads - 1);
            }
        }
        else
        {
            sets[me].Free<T>(0, 1);
        }

        phase.SignalAndWait();
        phase.SignalAndWait();
    }
}
