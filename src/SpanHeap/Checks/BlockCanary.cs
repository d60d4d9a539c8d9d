using SpanHeap.Spans;

namespace SpanHeap.Checks;

/// <summary>
/// In heaps with full checks, at least eight bytes follow the bytes that were requested for a block, and no code may write to them. The last eight of
/// the slot hold the requested size twice, mixed with the block's address; the others hold a pattern.
/// </summary>
/// <remarks>
/// Written by the thread that has the block, and read by other threads only while no thread uses the heap.
/// <para>
/// Both halves of the word must agree, so a changed size is not mistaken for another one. Each half is multiplied to spread it: a single changed byte
/// moves the size that a half states by more than eight million, further than any smaller slot is long. So the other half can still be believed, and
/// the size of the block is known although the word was overwritten.
/// </para>
/// </remarks>
internal static unsafe class BlockCanary
{
    /// <summary>The number of bytes that a block takes in addition.</summary>
    public const nuint Bytes = sizeof(ulong);

    private const byte Pattern = 0xEC;
    private const ulong Mix = 0x9E37_79B9_7F4A_7C15;

    // Inverses of each other modulo 2^32.
    private const uint Spread = 0x0E8B_2F51;
    private const uint Gather = 0x9E37_79B1;

    // No more of a large block's slack is filled and checked than an overflow by a few fields reaches, because the slack may be pages that nothing
    // else touches. Small blocks are overwritten as a whole anyway when they are freed.
    private const nuint MostFilled = 256;

    public static void Arm(nint block, nuint byteCount, nuint slotBytes)
    {
        nuint slack = slotBytes - byteCount;
        BytePattern.Fill(block + (nint)byteCount, Filled(slack, slotBytes), Pattern);
        *Word(block, slotBytes) = Encode(block, slack);
    }

    /// <summary>Gets the number of bytes that were requested. Returns false when the word that states it was overwritten.</summary>
    public static bool TryGetByteCount(nint block, nuint slotBytes, out nuint byteCount) =>
        TryPresumeByteCount(block, slotBytes, out byteCount) && *Word(block, slotBytes) == Encode(block, slotBytes - byteCount);

    /// <summary>Gets the number of bytes that were requested if half of the word that states it can be believed. For messages.</summary>
    public static bool TryPresumeByteCount(nint block, nuint slotBytes, out nuint byteCount)
    {
        // A write past the end comes from below, so the upper half is the last to be overwritten.
        ulong word = *Word(block, slotBytes) ^ Key(block);
        return TryGather((uint)(word >> 32), slotBytes, out byteCount) || TryGather((uint)word, slotBytes, out byteCount);
    }

    /// <summary>
    /// Finds the first byte past a block that was overwritten; 0 for none. If the size of the block is lost, this is the first of the last eight
    /// bytes.
    /// </summary>
    public static nint FindDamage(nint block, nuint slotBytes)
    {
        nint word = (nint)Word(block, slotBytes);
        if (!TryPresumeByteCount(block, slotBytes, out nuint byteCount))
        {
            return word;
        }

        nuint slack = slotBytes - byteCount;
        nint damage = BytePattern.FindDamage(block + (nint)byteCount, Filled(slack, slotBytes), Pattern);
        ulong expected = Encode(block, slack);
        int same = new ReadOnlySpan<byte>((void*)word, (int)Bytes).CommonPrefixLength(new ReadOnlySpan<byte>(&expected, (int)Bytes));
        return damage != 0 ? damage : same < (int)Bytes ? word + same : 0;
    }

    private static nuint Filled(nuint slack, nuint slotBytes) =>
        slotBytes <= SizeClasses.MaxSharedSize ? slack - Bytes : Math.Min(slack - Bytes, MostFilled);

    private static ulong* Word(nint block, nuint slotBytes) => (ulong*)(block + (nint)(slotBytes - Bytes));

    private static ulong Key(nint block) => (ulong)block * Mix;

    private static ulong Encode(nint block, nuint slack)
    {
        ulong half = unchecked((uint)slack * Spread);
        return (half | (half << 32)) ^ Key(block);
    }

    private static bool TryGather(uint half, nuint slotBytes, out nuint byteCount)
    {
        nuint slack = unchecked(half * Gather);
        byteCount = slotBytes - slack;
        return slack >= Bytes && slack <= slotBytes;
    }
}
