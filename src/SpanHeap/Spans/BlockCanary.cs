using System.Runtime.InteropServices;

namespace SpanHeap.Spans;

/// <summary>
/// Heaps with full checks: behind the bytes that were asked for a block has at least eight that nobody may write to. The last eight of its
/// slot say how many they are, mixed with the block's address; the others are a pattern.
/// </summary>
/// <remarks>By who has the block; looked at by others only while nobody uses the heap.</remarks>
internal static unsafe class BlockCanary
{
    /// <summary>How much more a block takes.</summary>
    public const nuint Bytes = sizeof(ulong);

    private const byte Pattern = 0xEC;
    private const ulong Mix = 0x9E37_79B9_7F4A_7C15;

    // Of the slack of a large block no more is filled, and looked at, than an overflow by a few fields reaches.
    private const nuint MostFilled = 256;

    public static void Arm(nint block, nuint byteCount, nuint slotBytes)
    {
        nuint slack = slotBytes - byteCount;
        NativeMemory.Fill((void*)(block + (nint)byteCount), Filled(slack), Pattern);
        *Word(block, slotBytes) = Encode(block, slack);
    }

    /// <summary>The bytes that were asked for; false when what says so was overwritten.</summary>
    public static bool TryGetByteCount(nint block, nuint slotBytes, out nuint byteCount)
    {
        ulong slack = Encode(block, *Word(block, slotBytes));
        byteCount = slotBytes - (nuint)slack;
        return slack >= Bytes && slack <= slotBytes;
    }

    /// <summary>The first byte behind a block that was written to; 0 for none. Where the last eight bytes were, the first of those.</summary>
    public static nint FindDamage(nint block, nuint slotBytes)
    {
        if (!TryGetByteCount(block, slotBytes, out nuint byteCount))
        {
            return (nint)Word(block, slotBytes);
        }

        nint behind = block + (nint)byteCount;
        int at = new ReadOnlySpan<byte>((void*)behind, (int)Filled(slotBytes - byteCount)).IndexOfAnyExcept(Pattern);
        return at < 0 ? 0 : behind + at;
    }

    private static nuint Filled(nuint slack) => Math.Min(slack - Bytes, MostFilled);

    private static ulong* Word(nint block, nuint slotBytes) => (ulong*)(block + (nint)(slotBytes - Bytes));

    // Its own inverse.
    private static ulong Encode(nint block, ulong slack) => slack ^ ((ulong)block * Mix);
}
