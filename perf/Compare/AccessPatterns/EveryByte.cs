using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Compare.AccessPatterns;

/// <summary>Writes every byte of a block.</summary>
internal readonly unsafe struct EveryByte : IAccessPattern
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint tag) => NativeMemory.Fill(block, size, (byte)tag);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(byte* block, uint size, uint tag) => size == 0 || (block[0] == (byte)tag && block[size - 1] == (byte)tag);
}
