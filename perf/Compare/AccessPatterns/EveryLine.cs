using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Compare.AccessPatterns;

/// <summary>Writes one byte in every 64, which brings each cache line in, as a program does that fills its blocks.</summary>
internal readonly unsafe struct EveryLine : IAccessPattern
{
    private const uint CacheLine = 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint tag) => Strides.Write(block, size, tag, CacheLine);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(byte* block, uint size, uint tag) => Strides.Hold(block, size, tag);
}
