namespace SpanHeap.Perf.Allocators;

/// <summary><c>new byte[n]</c>, zeroed as always, and left to the garbage collector.</summary>
internal readonly struct GarbageCollectedArrays : IArraySource
{
    public static byte[] Rent(int size) => new byte[size];

    public static byte[] RentZeroed(int size) => new byte[size];

    public static void Return(byte[] array) { }
}
