namespace SpanHeap.Checks;

/// <summary>
/// In heaps with full checks, every byte of a free slot of a shared span has this value. A program that reads a freed block sees it, and a program
/// that writes to one is found when the slot is reused.
/// </summary>
/// <remarks>
/// Holds from the creation of a span until its pages are released, for every slot that the program does not hold. So such heaps do not give back the
/// memory under free slots. A span of one block becomes free pages as soon as it is freed, and is not checked.
/// </remarks>
internal static class FreePoison
{
    /// <summary>The value. Eight of these bytes form an address that no process can have.</summary>
    public const byte Value = 0xF5;

    public static void Fill(nint start, nuint bytes) => BytePattern.Fill(start, bytes, Value);

    /// <summary>Finds the first byte that was written to; 0 for none.</summary>
    public static nint FindDamage(nint start, nuint bytes) => BytePattern.FindDamage(start, bytes, Value);
}
