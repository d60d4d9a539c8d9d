using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Checks;

/// <summary>Fills bytes with one value. No code may write to them, so a changed byte shows that some code did.</summary>
internal static unsafe class BytePattern
{
    public static void Fill(nint start, nuint bytes, byte value) => NativeMemory.Fill((void*)start, bytes, value);

    /// <summary>Finds the first byte that has another value; 0 for none. The bytes lie in one arena, so an int can hold their number.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint FindDamage(nint start, nuint bytes, byte value)
    {
        int at = new ReadOnlySpan<byte>((void*)start, (int)bytes).IndexOfAnyExcept(value);
        return at < 0 ? 0 : start + at;
    }
}
