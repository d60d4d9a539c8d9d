using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap;

/// <summary>Clearing fresh blocks.</summary>
internal static unsafe class ZeroMemory
{
    private const nuint Granule = 16;

    // Beyond, the call costs little beside the work, and knows wider stores.
    private const nuint LargestInPlace = 256;

    /// <summary>Clears the first bytes of a block of a shared class, and up to 15 more that are its own.</summary>
    /// <param name="block">The start of the block.</param>
    /// <param name="byteCount">How many bytes the block was asked for.</param>
    /// <remarks>Sound because all classes but the smallest, of 8 bytes, are multiples of the granule.</remarks>
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
