using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Compare;

/// <summary>An allocator handed out memory that it must not have. Ends the worker, and with it the comparison.</summary>
internal sealed class WrongContentsException(string message) : Exception(message)
{
    // Not inlined, so that loops carry no message about.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ThrowOverwritten(nuint block, uint size) =>
        throw new WrongContentsException($"The block of {size} bytes at 0x{block:x} was overwritten while it was live.");

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ThrowNotZero(nuint block, nuint size) =>
        throw new WrongContentsException($"The block of {size} bytes at 0x{block:x} should have been zero.");

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ThrowNotAligned(nuint block, nuint alignment) =>
        throw new WrongContentsException($"The block at 0x{block:x} should have been aligned to {alignment} bytes.");
}
