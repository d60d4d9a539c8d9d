using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Guarding;

/// <summary>The pattern that bytes around a guarded block hold, which nobody may write to: a change is an overflow that touched no guard.</summary>
internal static unsafe class SlackPattern
{
    /// <summary>What fills slack: no text, no small number, and no address.</summary>
    public const byte Slack = 0xE7;

    /// <summary>What fills blocks that were not asked for zeroed, so that who reads them unwritten sees it.</summary>
    public const byte Unwritten = 0xC9;

    public static void Fill(nint from, nint to) => NativeMemory.Fill((void*)from, (nuint)(to - from), Slack);

    /// <summary>The first byte that is not as <see cref="Fill"/> left it; 0 when all are.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint FindDamage(nint from, nint to)
    {
        int at = new ReadOnlySpan<byte>((void*)from, (int)(to - from)).IndexOfAnyExcept(Slack);
        return at < 0 ? 0 : from + at;
    }
}
