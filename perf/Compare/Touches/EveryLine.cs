using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Compare.Touches;

/// <summary>One byte in every 64, as a program that fills its blocks brings each cache line in.</summary>
internal readonly unsafe struct EveryLine : ITouch
{
    private const uint CacheLine = 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint tag) => Strides.Write(block, size, tag, CacheLine);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(byte* block, uint size, uint tag) => Strides.Hold(block, size, tag);
}
