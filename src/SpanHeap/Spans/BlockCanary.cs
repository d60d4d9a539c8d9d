namespace SpanHeap.Spans;

/// <summary>
/// Heaps with full checks: behind the bytes that were asked for a block has at least eight that nobody may write to. The last eight of its
/// slot say twice how many they are, mixed with the block's address; the others are a pattern.
/// </summary>
/// <remarks>
/// By who has the block; looked at by others only while nobody uses the heap.
/// <para>Both halves of the word must agree, so that a number which was changed is not taken for another. Each is multiplied, which keeps
/// them apart: a single changed byte moves what a half says by more than eight millions, further than a slot of less is long. So the other
/// half is still believed, and the block's size is known although what says so was written to.</para>
/// </remarks>
internal static unsafe class BlockCanary
{
    /// <summary>How much more a block takes.</summary>
    public const nuint Bytes = sizeof(ulong);

    private const byte Pattern = 0xEC;
    private const ulong Mix = 0x9E37_79B9_7F4A_7C15;

    // Inverses of each other, modulo 2^32.
    private const uint Spread = 0x0E8B_2F51;
    private const uint Gather = 0x9E37_79B1;

    // Of the slack of a large block no more is filled, and looked at, than an overflow by a few fields reaches: it may be pages that nobody
    // touches. Small ones are written whole when they are freed anyhow.
    private const nuint MostFilled = 256;

    public static void Arm(nint block, nuint byteCount, nuint slotBytes)
    {
        nuint slack = slotBytes - byteCount;
        BytePattern.Fill(block + (nint)byteCount, Filled(slack, slotBytes), Pattern);
        *Word(block, slotBytes) = Encode(block, slack);
    }

    /// <summary>The bytes that were asked for; false when what says so was overwritten.</summary>
    public static bool TryGetByteCount(nint block, nuint slotBytes, out nuint byteCount) =>
        TryPresumeByteCount(block, slotBytes, out byteCount) && *Word(block, slotBytes) == Encode(block, slotBytes - byteCount);

    /// <summary>The bytes that were asked for, if half of what says so can be believed: for messages.</summary>
    public static bool TryPresumeByteCount(nint block, nuint slotBytes, out nuint byteCount)
    {
        // What runs over the end comes from below: the upper half is the last to go.
        ulong word = *Word(block, slotBytes) ^ Key(block);
        return TryGather((uint)(word >> 32), slotBytes, out byteCount) || TryGather((uint)word, slotBytes, out byteCount);
    }

    /// <summary>
    /// The first byte behind a block that was written to; 0 for none. The first of the last eight where nothing says any more how long the
    /// block is.
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
