namespace SpanHeap.Spans;

/// <summary>
/// Heaps with full checks: every byte of a free slot of a shared span is this one, so that who reads a freed block sees it, and who writes one
/// is found when its slot serves again.
/// </summary>
/// <remarks>
/// It holds from when a span is made until its pages go, for every slot that is not in the program's hands; so such heaps do not give the
/// memory under free slots back. Spans of one block are free pages as soon as they are freed, and not looked at.
/// </remarks>
internal static class FreePoison
{
    /// <summary>Eight of them are no address that a process can have.</summary>
    public const byte Value = 0xF5;

    public static void Fill(nint start, nuint bytes) => BytePattern.Fill(start, bytes, Value);

    /// <summary>The first byte that was written to; 0 for none.</summary>
    public static nint FindDamage(nint start, nuint bytes) => BytePattern.FindDamage(start, bytes, Value);
}
