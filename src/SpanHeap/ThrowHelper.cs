using System.Diagnostics.CodeAnalysis;

namespace SpanHeap;

/// <summary>Throws outside the methods that decide to, which stay small that way.</summary>
internal static class ThrowHelper
{
    /// <param name="heap">The heap's name.</param>
    /// <param name="byteCount">Bytes that were asked for.</param>
    /// <param name="limit">The heap's memory limit in bytes; 0 for none.</param>
    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what NativeMemory throws, and what this means.")]
    public static void OutOfMemory(string heap, nuint byteCount, nuint limit) => throw new OutOfMemoryException(
        limit == 0
            ? $"The system has no memory for {byteCount} bytes in the heap '{heap}'."
            : $"The heap '{heap}' has no room for {byteCount} bytes under its memory limit of {limit} bytes, or the system has none.");

    /// <exception cref="ObjectDisposedException">Always.</exception>
    [DoesNotReturn]
    public static void HeapDisposed(string name) =>
        throw new ObjectDisposedException(nameof(NativeHeap), $"The heap '{name}' has been disposed; all its blocks are gone.");

    /// <param name="message">What there is no memory for, and what to do.</param>
    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what this means.")]
    public static void OutOfMemory(string message) => throw new OutOfMemoryException(message);

    /// <exception cref="IndexOutOfRangeException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what arrays throw.")]
    public static void IndexOutOfRange(long index, long length) => throw new IndexOutOfRangeException($"There is no element {index} in an array of {length}.");

    /// <param name="what">What was used.</param>
    /// <param name="heap">The name of its heap.</param>
    /// <param name="scope">The name of the scope's heap.</param>
    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void OtherHeap(string what, string heap, string scope) =>
        throw new InvalidOperationException($"The {what} is of the heap '{heap}', the scope of the heap '{scope}': blocks of one heap are of no use in another.");

    /// <param name="address">An address inside a block.</param>
    /// <param name="block">The block.</param>
    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public static void Interior(nint address, BlockInfo block) => throw new HeapCorruptionException(
        MisuseMessage.ForInterior(address, block), address, MisuseKind.InteriorPointer)
    {
        Block = block,
    };

    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public static void Misuse(nint address, MisuseKind kind) => throw new HeapCorruptionException(MisuseMessage.For(address, kind), address, kind);
}
