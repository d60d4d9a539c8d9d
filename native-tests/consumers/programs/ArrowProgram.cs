using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Memory;

namespace SpanHeap.Consumers;

/// <summary>Writes a batch of columns as a stream and reads it back.</summary>
internal static class ArrowProgram
{
    private const int Columns = 8;
    private const int Rows = 1000;

    public static void Run()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "Arrow" });
        ArrowHeapAllocator allocator = new(heap);
        using (RecordBatch batch = Build(allocator))
        using (RecordBatch back = WriteAndRead(batch, allocator))
        {
            bool same = Enumerable.Range(0, Columns).All(column => Values(back, column).SequenceEqual(Values(batch, column)));
            Console.WriteLine(same ? $"the same {back.Length} values of each column" : "other values");
        }

        heap.Verify();
        Console.WriteLine($"{heap.GetStatistics().LiveBlocks} blocks after dispose");
    }

    /// <summary>Builds a batch of columns.</summary>
    public static RecordBatch Build(MemoryAllocator allocator)
    {
        RecordBatch.Builder builder = new(allocator);
        for (int column = 0; column < Columns; column++)
        {
            int first = column;
            builder.Append($"column {column}", false, arrays => arrays.Int32(array => array.AppendRange(Enumerable.Range(first, Rows))));
        }

        return builder.Build();
    }

    /// <summary>Writes a batch as a stream and reads it back.</summary>
    public static RecordBatch WriteAndRead(RecordBatch batch, MemoryAllocator allocator)
    {
        using MemoryStream stream = new();
        using (ArrowStreamWriter writer = new(stream, batch.Schema, leaveOpen: true))
        {
            writer.WriteRecordBatch(batch);
            writer.WriteEnd();
        }

        stream.Position = 0;
        using ArrowStreamReader reader = new(stream, allocator, leaveOpen: true);
        return reader.ReadNextRecordBatch();
    }

    private static IEnumerable<int?> Values(RecordBatch batch, int column) => (Int32Array)batch.Column(column);
}
