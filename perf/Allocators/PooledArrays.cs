using System.Buffers;

namespace SpanHeap.Perf.Allocators;

/// <summary><see cref="ArrayPool{T}.Shared"/>.</summary>
internal readonly struct PooledArrays : IArraySource
{
    public static byte[] Rent(int size) => ArrayPool<byte>.Shared.Rent(size);

    public static byte[] RentZeroed(int size)
    {
        byte[] array = Rent(size);
        Array.Clear(array, 0, size);
        return array;
    }

    public static void Return(byte[] array) => ArrayPool<byte>.Shared.Return(array);
}
