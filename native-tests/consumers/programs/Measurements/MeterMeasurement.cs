using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A listener reads all instruments of the library's meter while there are a hundred heaps with 300 MiB of blocks.</summary>
internal sealed unsafe class MeterMeasurement() : Measurement("meters", new Figure("", "us", "heap at most 100 us"))
{
    private const int Heaps = 100;
    private const int Blocks = 3000;
    private const int BlockBytes = 1024;
    private const int Reads = 50;

    private long _measured;

    public override bool HasOwn => false;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        NativeHeap[] heaps = [.. Enumerable.Range(0, Heaps).Select(i => Fill(i, scale.Of(Blocks)))];
        using MeterListener listener = Listen();
        Cpu.WarmUp(listener.RecordObservableInstruments, scale);
        double[] times = [.. Enumerable.Range(0, Reads).Select(_ => Microseconds(listener.RecordObservableInstruments))];
        Array.ForEach(heaps, static each => each.Dispose());
        return _measured >= Heaps ? [Median.Of(times)] : throw new InvalidOperationException("The heaps were not measured.");
    }

    private static NativeHeap Fill(int number, int blocks)
    {
        NativeHeap heap = new(new NativeHeapOptions { Name = $"heap {number}" });
        for (int i = 0; i < blocks; i++)
        {
            SpanMemory.Fill(heap.Alloc(BlockBytes), BlockBytes, byte.MaxValue);
        }

        return heap;
    }

    private MeterListener Listen()
    {
        MeterListener listener = new()
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == nameof(SpanHeap))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => _measured++);
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => _measured++);
        listener.Start();
        return listener;
    }

    private static double Microseconds(Action read)
    {
        long start = Stopwatch.GetTimestamp();
        read();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }
}
