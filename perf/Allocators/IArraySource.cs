namespace SpanHeap.Perf.Allocators;

/// <summary>Where a program that does without native memory gets its buffers from.</summary>
internal interface IArraySource
{
    /// <summary>An array of at least so many bytes.</summary>
    static abstract byte[] Rent(int size);

    /// <summary>The same, with at least so many zeros at its beginning.</summary>
    static abstract byte[] RentZeroed(int size);

    static abstract void Return(byte[] array);
}
