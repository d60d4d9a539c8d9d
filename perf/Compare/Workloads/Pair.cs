using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Allocate, write a word, read it, free; the next block is most often the same one again.</summary>
internal sealed unsafe class Pair(uint size, int threads) : Workload(threads), IArrayWorkload
{
    private const int Chunks = 200;
    private const int PairsPerChunk = 10_000;

    private long _sum;

    public override long Operations => (long)Chunks * PairsPerChunk * Threads;

    public override void Run<T>()
    {
        _sum = 0;
        RunOnThreads(_ =>
        {
            long sum = 0;
            for (int i = 0; i < Chunks; i++)
            {
                sum += Loop(T.ForThisThread(), size);
            }

            Interlocked.Add(ref _sum, sum);
        });
    }

    public void RunArrays<T>() where T : struct, IArraySource
    {
        _sum = 0;
        RunOnThreads(_ =>
        {
            long sum = 0;
            for (int i = 0; i < Chunks; i++)
            {
                sum += ArrayLoop<T>((int)size);
            }

            Interlocked.Add(ref _sum, sum);
        });
    }

    public override void Verify()
    {
        long expected = PairsPerChunk * (PairsPerChunk - 1L) / 2 * Chunks * Threads;
        if (_sum != expected)
        {
            throw new WrongContentsException($"The words read back sum up to {_sum}, not {expected}.");
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Loop<T>(T allocator, nuint size) where T : struct, IAllocator<T>, allows ref struct
    {
        long sum = 0;
        for (int i = 0; i < PairsPerChunk; i++)
        {
            int* block = (int*)allocator.Alloc(size);
            Volatile.Write(ref *block, i);
            sum += Volatile.Read(ref *block);
            allocator.Free(block);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long ArrayLoop<T>(int size) where T : struct, IArraySource
    {
        long sum = 0;
        for (int i = 0; i < PairsPerChunk; i++)
        {
            byte[] array = T.Rent(size);
            ref int word = ref Unsafe.As<byte, int>(ref array[0]);
            Volatile.Write(ref word, i);
            sum += Volatile.Read(ref word);
            T.Return(array);
        }

        return sum;
    }
}
