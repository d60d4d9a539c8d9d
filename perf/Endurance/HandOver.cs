using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Endurance;

/// <summary>One thread frees what one or many others allocate, taking from each in turn. Memory must stay flat.</summary>
internal sealed unsafe class HandOver(string name, int owners) : Scenario
{
    private const int SampleCount = 10;

    public override string Name => name;

    public override string Limit => "flat: second half within 1.1 x the first + 4 MiB";

    public override Outcome Run<T>(long blocks)
    {
        long blocksPerRound = owners * HandOverQueue.BatchSize;
        long rounds = Math.Max(SampleCount, (blocks + blocksPerRound - 1) / blocksPerRound);
        Exchange<NullAllocator>(SampleCount);
        return Exchange<T>(rounds);
    }

    public override bool? Holds(Outcome outcome, Outcome? system)
    {
        if (outcome.Samples.Length == 0)
        {
            return null;
        }

        long first = outcome.Samples[..(SampleCount / 2)].Max(), second = outcome.Samples[(SampleCount / 2)..].Max();
        return second <= 1.1 * first + 4 * MiB;
    }

    private Outcome Exchange<T>(long rounds) where T : struct, IAllocator<T>, allows ref struct
    {
        HandOverQueue[] queues = [.. Enumerable.Range(0, owners).Select(_ => new HandOverQueue())];
        using var ready = new Barrier(owners + 1);
        Thread[] threads = [.. queues.Select((queue, i) => new Thread(() => Produce<T>(queue, ready, rounds, (uint)i)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        ready.SignalAndWait();
        PeakMeter peak = PeakMeter.Start();
        long? before = ProcessMemory.Resident;
        long start = Stopwatch.GetTimestamp();
        ready.SignalAndWait();
        var samples = new long[before is null ? 0 : SampleCount];
        for (int i = 0; i < SampleCount; i++)
        {
            Consume<T>(queues, rounds * (i + 1) / SampleCount - rounds * i / SampleCount);
            if (ProcessMemory.Resident - before is { } above)
            {
                samples[i] = Math.Max(0, above);
            }

            if (T.HandsOutMemory)
            {
                WorkerProtocol.SendProgress($"{name}: {(i + 1) * 100 / SampleCount} %");
            }
        }

        TimeSpan time = Stopwatch.GetElapsedTime(start);
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        var outcome = new Outcome(time.TotalSeconds, peak.Bytes, ProcessMemory.Resident - before, samples);
        foreach (HandOverQueue queue in queues)
        {
            queue.Dispose();
        }

        return outcome;
    }

    private static void Produce<T>(HandOverQueue queue, Barrier ready, long rounds, uint seed) where T : struct, IAllocator<T>, allows ref struct
    {
        var sizes = new SizeMix(seed, 16, 512);
        ready.SignalAndWait();
        ready.SignalAndWait();
        T allocator = T.ForThisThread();
        for (; rounds > 0; rounds--)
        {
            foreach (ref nuint slot in queue.BeginWrite())
            {
                nuint* block = (nuint*)allocator.Alloc(sizes.Next());
                if (T.HandsOutMemory)
                {
                    *block = (nuint)block;
                }

                slot = (nuint)block;
            }

            queue.EndWrite();
        }
    }

    private static void Consume<T>(HandOverQueue[] queues, long rounds) where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        for (; rounds > 0; rounds--)
        {
            foreach (HandOverQueue queue in queues)
            {
                foreach (nuint block in queue.BeginRead())
                {
                    if (T.HandsOutMemory && *(nuint*)block != block)
                    {
                        throw new InvalidOperationException($"The block at 0x{block:x} was overwritten while it was live.");
                    }

                    allocator.Free((void*)block);
                }

                queue.EndRead();
            }
        }
    }
}
