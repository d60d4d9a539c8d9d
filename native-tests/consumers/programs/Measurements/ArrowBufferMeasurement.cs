using System.Buffers;
using Apache.Arrow;
using Apache.Arrow.Memory;

namespace SpanHeap.Consumers.Measurements;

/// <summary>
/// Buffers of Arrow come and go, one at a time: first as memory of the allocator that is touched once, and then built by Arrow, which copies the
/// values into that memory.
/// </summary>
/// <param name="name">The name of the row.</param>
/// <param name="ints">How many values each buffer has.</param>
/// <param name="buffers">How many buffers there are of each kind.</param>
internal sealed class ArrowBufferMeasurement(string name, int ints, int buffers) : Measurement(
    name, Figure.WithRatio("memory", "ns", "0.4"), Figure.WithRatio("built", "ns", "0.4"), new Figure("gen-2 collections", "", "0 with a heap"))
{
    private const int Parts = 1000;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        MemoryAllocator allocator = heap == null ? new NativeMemoryAllocator() : new ArrowHeapAllocator(heap);
        ArrowBuffer.Builder<int> builder = new(ints);
        builder.AppendRange(Enumerable.Range(0, ints));
        int whole = scale.Of(buffers);
        int part = scale.Of(buffers / Parts);
        int before = GC.CollectionCount(GC.MaxGeneration);
        TimeSpan memory = Cpu.TimeOf(() => Allocate(allocator, part), () => Allocate(allocator, whole), scale);
        TimeSpan built = Cpu.TimeOf(() => Build(builder, allocator, part), () => Build(builder, allocator, whole), scale);
        int collections = GC.CollectionCount(GC.MaxGeneration) - before;
        return [memory.TotalNanoseconds / whole, built.TotalNanoseconds / whole, collections];
    }

    private void Allocate(MemoryAllocator allocator, int count)
    {
        for (int i = 0; i < count; i++)
        {
            using IMemoryOwner<byte> memory = allocator.Allocate(ints * sizeof(int));
            memory.Memory.Span[0] = 1;
        }
    }

    private static void Build(ArrowBuffer.Builder<int> builder, MemoryAllocator allocator, int count)
    {
        for (int i = 0; i < count; i++)
        {
            using ArrowBuffer buffer = builder.Build(allocator);
        }
    }
}
