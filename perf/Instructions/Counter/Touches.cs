using System.Runtime.CompilerServices;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>
/// What loops write to blocks and look for later; <c>CBaseline/touches.h</c> is the same in C. How much they execute depends on the size alone:
/// not on where a block lies, and not on what it holds.
/// </summary>
internal static unsafe class Touches
{
    public const uint CacheLine = 64;

    /// <summary>Writes the tag to both ends, and a byte of it at each distance of a cache line between them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint tag) => Strides.Write(block, size, tag, CacheLine);

    /// <summary>Gets what is not 0 if the ends hold something else than the tag.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Difference(byte* block, uint size, uint tag)
    {
        if (size < 2 * sizeof(uint))
        {
            return size == 0 ? 0 : (uint)(block[size - 1] ^ (byte)tag);
        }

        return (*(uint*)block ^ tag) | (*(uint*)(block + size - sizeof(uint)) ^ tag);
    }
}
