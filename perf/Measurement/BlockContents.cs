using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Measurement;

/// <summary>
/// What a program does with a block, alike for all allocators: every cache line is written once, and one is
/// read at the end. The tag read there tells of blocks that overlap, so that no broken allocator wins.
/// </summary>
internal static unsafe class BlockContents
{
    private const int CacheLine = 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* block, uint size, uint slot)
    {
        if (size < sizeof(ulong))
        {
            if (size != 0)
            {
                *block = (byte)slot;
            }

            return;
        }

        *(ulong*)block = Tag(block, slot);
        nuint end = (nuint)block + size;
        nuint line = ((nuint)block & ~(nuint)(CacheLine - 1)) + CacheLine;
        for (; line + (3 * CacheLine) < end; line += 4 * CacheLine)
        {
            // Four at a time, as a program that fills its block would come along faster than one at a time.
            *(byte*)line = (byte)slot;
            *(byte*)(line + CacheLine) = (byte)slot;
            *(byte*)(line + (2 * CacheLine)) = (byte)slot;
            *(byte*)(line + (3 * CacheLine)) = (byte)slot;
        }

        for (; line < end; line += CacheLine)
        {
            *(byte*)line = (byte)slot;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check(byte* block, uint size, uint slot)
    {
        if (size >= sizeof(ulong) ? *(ulong*)block != Tag(block, slot) : size != 0 && *block != (byte)slot)
        {
            ThrowOverwritten(block, size);
        }
    }

    private static ulong Tag(byte* block, uint slot) => (ulong)block + ((ulong)slot << 40);

    private static void ThrowOverwritten(byte* block, uint size) =>
        throw new InvalidOperationException($"The block of {size} bytes at 0x{(nuint)block:x} was overwritten while it was live.");
}
