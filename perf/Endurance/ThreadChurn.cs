using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Endurance;

/// <summary>
/// Short threads, ten at a time. Each frees what one of the generation before left, allocates, frees half
/// of it, leaves the other half and dies.
/// </summary>
internal sealed unsafe class ThreadChurn : Scenario
{
    private const int Threads = 2000;
    private const int WarmUpThreads = 300;
    private const int AtOnce = 10;
    private const int BlocksPerThread = 200;
    private const int LeftPerThread = BlocksPerThread / 2;

    private readonly nuint[] _left = GC.AllocateArray<nuint>(AtOnce * LeftPerThread, pinned: true);

    public override string Name => "churn";

    public override string Limit => "1.2 x the time of system, 16 MiB above its peak";

    public override int Rounds => 3;

    public override Outcome Run<T>(long blocks)
    {
        Live<NullAllocator>(WarmUpThreads);
        Array.Clear(_left);

        PeakMeter peak = PeakMeter.Start();
        // Two times with a pause: the runtime compiles the slow paths at tier 1 meanwhile.
        Live<T>(WarmUpThreads);
        Thread.Sleep(200);
        Live<T>(WarmUpThreads);
        Thread.Sleep(200);

        long start = Stopwatch.GetTimestamp();
        Live<T>(Threads);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        return new Outcome(time.TotalSeconds, peak.Bytes, null, []);
    }

    public override bool? Holds(Outcome outcome, Outcome? system) => system is null
        ? null
        : outcome.Seconds <= 1.2 * system.Seconds && outcome.PeakBytes - system.PeakBytes is not > 16 * MiB;

    private void Live<T>(int threads) where T : struct, IAllocator<T>, allows ref struct
    {
        var generation = new Thread[AtOnce];
        for (int born = 0; born < threads; born += AtOnce)
        {
            for (int i = 0; i < AtOnce; i++)
            {
                int place = i;
                uint seed = (uint)(born + i);
                generation[i] = new Thread(() => LiveOnce<T>(place, seed));
                generation[i].Start();
            }

            foreach (Thread thread in generation)
            {
                thread.Join();
            }
        }
    }

    private void LiveOnce<T>(int place, uint seed) where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        Span<nuint> left = _left.AsSpan(place * LeftPerThread, LeftPerThread);
        foreach (nuint block in left)
        {
            allocator.Free((void*)block);
        }

        var sizes = new SizeMix(seed, 16, 8192);
        Span<nuint> own = stackalloc nuint[BlocksPerThread];
        foreach (ref nuint slot in own)
        {
            byte* block = (byte*)allocator.Alloc(sizes.Next());
            if (T.HandsOutMemory)
            {
                *block = 1;
            }

            slot = (nuint)block;
        }

        for (int i = 0; i < LeftPerThread; i++)
        {
            allocator.Free((void*)own[2 * i]);
            left[i] = own[2 * i + 1];
        }
    }
}
