using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Allocates a number of blocks of one size and writes to each, then reads and frees them all, in the same order or in reverse.</summary>
internal sealed unsafe class Batch(int count, uint size, bool reverse) : Workload(threads: 1), IArrayWorkload
{
    private const int Blocks = 1_000_000;

    private readonly nuint[] _blocks = GC.AllocateUninitializedArray<nuint>(count, pinned: true);
    private readonly byte[][] _arrays = new byte[count][];
    private long _sum;

    public override long Operations => (long)Rounds * count;

    private int Rounds => Blocks / count;

    public override void Run<T>()
    {
        _sum = 0;
        fixed (nuint* blocks = _blocks)
        {
            for (int i = 0; i < Rounds; i++)
            {
                BlockBatch.Fill(T.ForThisThread(), blocks, count, size);
                _sum += reverse ? FreeInReverse(T.ForThisThread(), blocks, count) : FreeInOrder(T.ForThisThread(), blocks, count);
            }
        }
    }

    public void RunArrays<T>() where T : struct, IArraySource
    {
        _sum = 0;
        for (int i = 0; i < Rounds; i++)
        {
            RentAll<T>(_arrays, (int)size);
            _sum += ReturnAll<T>(_arrays, reverse);
        }
    }

    public override void Verify()
    {
        long expected = count * (count - 1L) / 2 * Rounds;
        if (_sum != expected)
        {
            throw new WrongContentsException($"The words read back sum up to {_sum}, not {expected}.");
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long FreeInOrder<T>(T allocator, nuint* blocks, int count) where T : struct, IAllocator<T>, allows ref struct
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += *(int*)blocks[i];
            allocator.Free((void*)blocks[i]);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long FreeInReverse<T>(T allocator, nuint* blocks, int count) where T : struct, IAllocator<T>, allows ref struct
    {
        long sum = 0;
        for (int i = count - 1; i >= 0; i--)
        {
            sum += *(int*)blocks[i];
            allocator.Free((void*)blocks[i]);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RentAll<T>(byte[][] arrays, int size) where T : struct, IArraySource
    {
        for (int i = 0; i < arrays.Length; i++)
        {
            byte[] array = T.Rent(size);
            Unsafe.As<byte, int>(ref array[0]) = i;
            arrays[i] = array;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long ReturnAll<T>(byte[][] arrays, bool reverse) where T : struct, IArraySource
    {
        long sum = 0;
        for (int i = 0; i < arrays.Length; i++)
        {
            ref byte[] place = ref arrays[reverse ? arrays.Length - 1 - i : i];
            sum += Unsafe.As<byte, int>(ref place[0]);
            T.Return(place);
            // What is not referred to any more is what the collector takes for freed.
            place = null!;
        }

        return sum;
    }
}
