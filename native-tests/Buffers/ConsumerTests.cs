using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using SpanHeap.Buffers;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Buffers;

/// <summary>Parts of .NET that take memory from elsewhere take it from a heap.</summary>
public sealed class ConsumerTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(-1)]
    [InlineData(100)]
    [InlineData(16 * 1024)]
    public async Task A_pipe_moves_all_bytes_through_the_pool_and_gives_it_back(int segment)
    {
        using NativeHeap heap = HeapMaker.New(limit: 32 * MiB);
        using NativeMemoryPool pool = new(heap);
        Pipe pipe = new(new PipeOptions(pool, minimumSegmentSize: segment, useSynchronizationContext: false));

        Task<long> sum = Task.Run(() => Read(pipe.Reader));
        long written = await Task.Run(() => Write(pipe.Writer, heap));

        Assert.Equal(written, await sum);
        Assert.Equal((0, 0), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().Owners));
    }

    [Fact]
    public void A_json_writer_writes_into_a_heap()
    {
        using NativeHeap heap = HeapMaker.New();
        using NativeWriter output = new(heap);
        using (Utf8JsonWriter json = new(output))
        {
            json.WriteStartArray();
            for (int i = 0; i < 10_000; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("number"u8, i);
                json.WriteString("text"u8, new string('x', i % 300));
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        using JsonDocument document = JsonDocument.Parse(output.WrittenMemory);
        Assert.Equal(10_000, document.RootElement.GetArrayLength());
        Assert.All(document.RootElement.EnumerateArray().Select(static (item, i) => (item, i)), static each =>
        {
            Assert.Equal(each.i, each.item.GetProperty("number"u8).GetInt32());
            Assert.Equal(each.i % 300, each.item.GetProperty("text"u8).GetString()!.Length);
        });
    }

    [Fact]
    public async Task A_stream_reads_into_and_writes_from_a_heap()
    {
        using NativeHeap heap = HeapMaker.New();
        using NativeOwner<byte> bytes = heap.Rent<byte>(MiB);
        Random.Shared.NextBytes(bytes.GetSpan());
        using MemoryStream stream = new();
        await stream.WriteAsync(bytes.Memory);
        stream.Position = 0;

        using NativeOwner<byte> back = heap.Rent<byte>(MiB, zeroed: true);
        await stream.ReadExactlyAsync(back.Memory);

        Assert.True(back.GetSpan().SequenceEqual(bytes.GetSpan()));
    }

    private static async Task<long> Write(PipeWriter writer, NativeHeap heap)
    {
        long sum = 0;
        Random random = new(1);
        for (int left = 16 * MiB; left > 0;)
        {
            int size = Math.Min(left, random.Next(1, 10_000));
            Memory<byte> room = writer.GetMemory(size)[..size];
            Assert.True(Holds(heap, room));
            random.NextBytes(room.Span);
            sum += Sum(room.Span);
            writer.Advance(size);
            left -= size;
            await writer.FlushAsync();
        }

        await writer.CompleteAsync();
        return sum;
    }

    private static async Task<long> Read(PipeReader reader)
    {
        long sum = 0;
        while (true)
        {
            ReadResult result = await reader.ReadAsync();
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                sum += Sum(part.Span);
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                await reader.CompleteAsync();
                return sum;
            }
        }
    }

    private static unsafe bool Holds(NativeHeap heap, Memory<byte> memory)
    {
        using MemoryHandle pin = memory.Pin();
        return heap.Contains(pin.Pointer);
    }

    private static long Sum(ReadOnlySpan<byte> bytes)
    {
        long sum = 0;
        foreach (byte one in bytes)
        {
            sum += one;
        }

        return sum;
    }
}
