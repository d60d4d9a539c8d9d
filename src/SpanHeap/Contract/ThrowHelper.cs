using System.Diagnostics.CodeAnalysis;

namespace SpanHeap.Contract;

/// <summary>Throws exceptions on behalf of methods that must stay small.</summary>
internal static class ThrowHelper
{
    /// <param name="heap">The heap's name.</param>
    /// <param name="byteCount">The number of bytes that were requested.</param>
    /// <param name="limit">The heap's memory limit in bytes; 0 for none.</param>
    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "NativeMemory throws the same, and it is what the condition means.")]
    public static void OutOfMemory(string heap, nuint byteCount, nuint limit) => throw new OutOfMemoryException(
        limit == 0
            ? $"The system has no memory for {byteCount} bytes in the heap '{heap}'."
            : $"The heap '{heap}' has no room for {byteCount} bytes under its memory limit of {limit} bytes, or the system has none.");

    /// <exception cref="ObjectDisposedException">Always.</exception>
    [DoesNotReturn]
    public static void HeapDisposed(string name) =>
        throw new ObjectDisposedException(objectName: null, $"The heap '{name}' has been disposed; all its blocks are gone.");

    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void HeapHooked(string name) => throw new InvalidOperationException(
        $"The heap '{name}' has hooks that native code may call. Dispose its HeapHooks first, when the native library has freed its blocks and is at rest.");

    /// <param name="message">What there is no memory for, and what the caller can do about it.</param>
    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what the condition means.")]
    public static void OutOfMemory(string message) => throw new OutOfMemoryException(message);

    /// <exception cref="IndexOutOfRangeException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "Arrays throw the same.")]
    public static void IndexOutOfRange(long index, long length) => throw new IndexOutOfRangeException($"There is no element {index} in an array of {length}.");

    /// <param name="what">What was used.</param>
    /// <param name="heap">The name of the heap that it belongs to.</param>
    /// <param name="scope">The name of the heap that the scope belongs to.</param>
    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void OtherHeap(string what, string heap, string scope) =>
        throw new InvalidOperationException($"The {what} belongs to the heap '{heap}', the scope to the heap '{scope}': a block can only be used in its own heap.");

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
