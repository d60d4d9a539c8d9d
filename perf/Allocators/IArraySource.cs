namespace SpanHeap.Perf.Allocators;

/// <summary>Where a program that does without native memory gets its buffers from.</summary>
internal interface IArraySource
{
    /// <summary>Gets an array of at least the given number of bytes.</summary>
    static abstract byte[] Rent(int size);

    /// <summary>Gets such an array whose first bytes, as many as given, are zero.</summary>
    static abstract byte[] RentZeroed(int size);

    static abstract void Return(byte[] array);
}
