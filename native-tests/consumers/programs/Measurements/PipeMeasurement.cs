using System.Buffers;
using System.IO.Pipelines;
using SpanHeap.Buffers;

namespace SpanHeap.Consumers.Measurements;

/// <summary>
/// 781 MiB go through a pipe, in parts of 4 KiB of which each takes a buffer from the pool. One task writes and another reads, so buffers go
/// back on another thread.
/// </summary>
internal sealed class PipeMeasurement() : Measurement("pipe", Figure.WithRatio("", "ms", "1.1"))
{
    private const int Part = 4096;
    private const int Parts = 200_000;
    private const int FewParts = 1000;

    // One is over too soon to be measured well.
    private const int Times = 10;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        using NativeMemoryPool? native = heap == null ? null : new(heap);
        MemoryPool<byte> pool = native ?? MemoryPool<byte>.Shared;
        TimeSpan cpu = Cpu.TimeOf(() => Move(pool, scale.Of(FewParts)), () => MoveOften(pool, scale.Of(Parts)), scale);
        return [cpu.TotalMilliseconds / Times];
    }

    private static void MoveOften(MemoryPool<byte> pool, int parts)
    {
        for (int i = 0; i < Times; i++)
        {
            Move(pool, parts);
        }
    }

    private static void Move(MemoryPool<byte> pool, int parts)
    {
        Pipe pipe = new(new PipeOptions(pool, useSynchronizationContext: false));
        Task writing = Task.Run(() => Write(pipe.Writer, parts));
        long read = Task.Run(() => Read(pipe.Reader)).GetAwaiter().GetResult();
        writing.GetAwaiter().GetResult();
        if (read != (long)parts * Part)
        {
            throw new InvalidOperationException($"{read} bytes came out of the pipe.");
        }
    }

    private static async Task Write(PipeWriter writer, int parts)
    {
        byte[] part = new byte[Part];
        for (int i = 0; i < parts; i++)
        {
            await writer.WriteAsync(part);
        }

        await writer.CompleteAsync();
    }

    private static async Task<long> Read(PipeReader reader)
    {
        long total = 0;
        for (bool done = false; !done;)
        {
            ReadResult result = await reader.ReadAsync();
            total += result.Buffer.Length;
            done = result.IsCompleted;
            reader.AdvanceTo(result.Buffer.End);
        }

        await reader.CompleteAsync();
        return total;
    }
}
