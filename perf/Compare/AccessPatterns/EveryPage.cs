using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Compare.AccessPatterns;

/// <summary>Writes one byte in every 4 KiB: each page becomes resident, and the program's time does not hide the allocator's.</summary>
internal readonly unsafe struct EveryPage : IAccessPattern
{
    private const uint Page = 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint tag) => Strides.Write(block, size, tag, Page);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(byte* block, uint size, uint tag) => Strides.Hold(block, size, tag);
}
