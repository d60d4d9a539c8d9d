using System.Diagnostics;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Endurance;

/// <summary>1 GiB in blocks of 16 B to 64 KiB, touched, freed, and then nothing for three seconds.</summary>
internal sealed class IdleProcess : Scenario
{
    public override string Name => "idle";

    public override string Limit => "32 MiB left after 3 s";

    public override Outcome Run<T>(long blocks)
    {
        var set = new BlockSet(seed: 1, 1024 * MiB);
        PeakMeter peak = PeakMeter.Start();
        long? before = ProcessMemory.Resident;

        long start = Stopwatch.GetTimestamp();
        set.Allocate<T>();
        set.Free<T>(0, 1);
        TimeSpan time = Stopwatch.GetElapsedTime(start);

        Thread.Sleep(TimeSpan.FromSeconds(3));
        return new Outcome(time.TotalSeconds, peak.Bytes, ProcessMemory.Resident - before, []);
    }

    public override bool? Holds(Outcome outcome, Outcome? system) =>
        outcome.RestBytes is { } rest ? rest <= 32 * MiB : null;
}
