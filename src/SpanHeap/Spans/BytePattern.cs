using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Spans;

/// <summary>Bytes that all have one value, and that nobody may write to: a change shows that somebody did.</summary>
internal static unsafe class BytePattern
{
    public static void Fill(nint start, nuint bytes, byte value) => NativeMemory.Fill((void*)start, bytes, value);

    /// <summary>The first byte that has another value; 0 when none has. Of bytes in one arena, whose number an int holds.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint FindDamage(nint start, nuint bytes, byte value)
    {
        int at = new ReadOnlySpan<byte>((void*)start, (int)bytes).IndexOfAnyExcept(value);
        return at < 0 ? 0 : start + at;
    }
}
