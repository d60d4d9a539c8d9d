using Apache.Arrow;
using Apache.Arrow.Memory;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A batch of columns is written as a stream and read back, many times.</summary>
internal sealed class ArrowStreamMeasurement() : Measurement("arrow-ipc", new Figure("", "us", "ratio about 1"))
{
    private const int Trips = 20_000;
    private const int FewTrips = 50;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        MemoryAllocator allocator = heap == null ? new NativeMemoryAllocator() : new ArrowHeapAllocator(heap);
        int whole = scale.Of(Trips);
        using RecordBatch batch = ArrowProgram.Build(allocator);
        TimeSpan cpu = Cpu.TimeOf(() => Travel(batch, allocator, scale.Of(FewTrips)), () => Travel(batch, allocator, whole), scale);
        return [cpu.TotalMicroseconds / whole];
    }

    private static void Travel(RecordBatch batch, MemoryAllocator allocator, int trips)
    {
        for (int i = 0; i < trips; i++)
        {
            using RecordBatch back = ArrowProgram.WriteAndRead(batch, allocator);
        }
    }
}
