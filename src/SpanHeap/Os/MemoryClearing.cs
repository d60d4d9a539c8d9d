using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>Makes the bytes of large blocks zero.</summary>
internal static unsafe class MemoryClearing
{
    /// <summary>Bytes from which on the pages of a block are discarded instead of written to, where discarded pages read as zero.</summary>
    /// <remarks>
    /// Measured on Linux with all pages resident: discarding costs three times as much as clearing for 1 to 8 MiB, 1.9 times for 16 MiB,
    /// and as much from 32 MiB on; pages that are not resident cost nothing to discard. A program that then writes to all of the block pays
    /// for its pages a second time, one that writes to a part of it saves time and memory. From 16 MiB on the first loses least and the
    /// second gains most.
    /// </remarks>
    public const nuint SmallestDiscarded = 16 << 20;

    /// <summary>Makes bytes of a block zero that is the caller's alone. Call without a lock.</summary>
    /// <param name="os">The system.</param>
    /// <param name="block">The first of them.</param>
    /// <param name="byteCount">How many.</param>
    public static void Clear(OsMemory os, void* block, nuint byteCount)
    {
        nuint page = OsMemory.PageSize;
        nuint end = (nuint)block + byteCount;
        nuint firstPage = ((nuint)block + page - 1) & ~(page - 1);
        nuint lastPage = end & ~(page - 1);
        if (byteCount < SmallestDiscarded || !OsMemory.DiscardedPagesAreZero || !os.Discard((nint)firstPage, lastPage - firstPage))
        {
            NativeMemory.Clear(block, byteCount);
            return;
        }

        NativeMemory.Clear(block, firstPage - (nuint)block);
        NativeMemory.Clear((void*)lastPage, end - lastPage);
    }
}
