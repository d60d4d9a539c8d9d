using SpanHeap.Checks;

namespace SpanHeap.Guard.Protection;

/// <summary>The pattern that bytes around a guarded block hold, which no one may write to: a change is an overflow that touched no guard.</summary>
internal static class SlackPattern
{
    /// <summary>The byte that fills slack: no text, no small number, and no address.</summary>
    public const byte Slack = 0xE7;

    /// <summary>The byte that fills blocks that were not asked for zeroed, so that a read of bytes that were never written shows.</summary>
    public const byte Unwritten = 0xC9;

    /// <summary>Fills the bytes from one address to another, which is not included.</summary>
    public static void Fill(nint from, nint to) => BytePattern.Fill(from, (nuint)(to - from), Slack);

    /// <summary>Finds the first byte that is not as <see cref="Fill"/> left it; 0 when all are.</summary>
    public static nint FindDamage(nint from, nint to) => BytePattern.FindDamage(from, (nuint)(to - from), Slack);
}
