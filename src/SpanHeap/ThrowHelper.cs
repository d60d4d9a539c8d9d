using System.Diagnostics.CodeAnalysis;

namespace SpanHeap;

/// <summary>Throws outside the methods that decide to, which stay small that way.</summary>
internal static class ThrowHelper
{
    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what NativeMemory throws, and what this means.")]
    public static void OutOfMemory() => throw new OutOfMemoryException();

    /// <exception cref="ObjectDisposedException">Always.</exception>
    [DoesNotReturn]
    public static void HeapDisposed(string name) =>
        throw new ObjectDisposedException(nameof(NativeHeap), $"The heap '{name}' has been disposed; all its blocks are gone.");

    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public static void Misuse(nint address, MisuseKind kind) => throw new HeapCorruptionException(MisuseMessage.For(address, kind), address, kind);
}
