using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Allocate, write a word, read it, free; the next block is most often the same one again.</summary>
internal sealed unsafe class Pair(uint size, int threads) : Workload(threads), IArrayWorkload
{
    private const int PairsPerThread = 2_000_000;

    private long _sum;

    public override long Operations => (long)PairsPerThread * Threads;

    public override void Run<T>()
    {
        _sum = 0;
        RunOnThreads(_ => Interlocked.Add(ref _sum, Loop(T.ForThisThread(), size)));
    }

    public void RunArrays<T>() where T : struct, IArraySource
    {
        _sum = 0;
        RunOnThreads(_ => Interlocked.Add(ref _sum, ArrayLoop<T>((int)size)));
    }

    public override void Verify()
    {
        const long Expected = PairsPerThread * (PairsPerThread - 1L) / 2;
        if (_sum != Expected * Threads)
            throw new WrongContentsException($"The words read back sum up to {_sum}, not {Expected * Threads}.");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Loop<T>(T allocator, nuint size) where T : struct, IAllocator<T>, allows ref struct
    {
        long sum = 0;
        for (int i = 0; i < PairsPerThread; i++)
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
        for (int i = 0; i < PairsPerThread; i++)
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
