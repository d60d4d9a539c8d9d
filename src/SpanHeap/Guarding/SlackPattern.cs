using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>The pattern that bytes around a guarded block hold, which nobody may write to: a change is an overflow that touched no guard.</summary>
internal static class SlackPattern
{
    /// <summary>What fills slack: no text, no small number, and no address.</summary>
    public const byte Slack = 0xE7;

    /// <summary>What fills blocks that were not asked for zeroed, so that who reads them unwritten sees it.</summary>
    public const byte Unwritten = 0xC9;

    public static void Fill(nint from, nint to) => BytePattern.Fill(from, (nuint)(to - from), Slack);

    /// <summary>The first byte that is not as <see cref="Fill"/> left it; 0 when all are.</summary>
    public static nint FindDamage(nint from, nint to) => BytePattern.FindDamage(from, (nuint)(to - from), Slack);
}
