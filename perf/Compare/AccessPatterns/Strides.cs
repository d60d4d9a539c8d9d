using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Compare.AccessPatterns;

/// <summary>Writes the tag to both ends of a block, and a byte of it at regular distances between them.</summary>
internal static unsafe class Strides
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint tag, uint stride)
    {
        if (size < 2 * sizeof(uint))
        {
            if (size != 0)
            {
                block[size - 1] = (byte)tag;
            }

            return;
        }

        *(uint*)block = tag;
        for (uint at = stride; at < size; at += stride)
        {
            block[at] = (byte)tag;
        }

        *(uint*)(block + size - sizeof(uint)) = tag;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Hold(byte* block, uint size, uint tag) => size < 2 * sizeof(uint)
        ? size == 0 || block[size - 1] == (byte)tag
        : *(uint*)block == tag && *(uint*)(block + size - sizeof(uint)) == tag;
}
