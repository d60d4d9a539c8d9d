using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>Clears freshly allocated blocks.</summary>
internal static unsafe class ZeroMemory
{
    private const nuint Granule = 16;

    // For more bytes, the cost of a call is small beside the work, and the call uses wider stores.
    private const nuint LargestInPlace = 256;

    /// <summary>Clears the first bytes of a block of a shared class, and up to 15 more that belong to the block.</summary>
    /// <param name="block">The start of the block.</param>
    /// <param name="byteCount">The number of bytes that were requested.</param>
    /// <remarks>Sound because the sizes of all classes except the smallest, 8 bytes, are multiples of the granule.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ClearBlock(void* block, nuint byteCount)
    {
        if (byteCount <= sizeof(ulong))
        {
            *(ulong*)block = 0;
            return;
        }

        if (byteCount > LargestInPlace)
        {
            NativeMemory.Clear(block, byteCount);
            return;
        }

        for (nuint at = 0; at < byteCount; at += Granule)
        {
            Unsafe.WriteUnaligned((byte*)block + at, default(Int128));
        }
    }
}
