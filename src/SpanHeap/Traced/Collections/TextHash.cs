using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Collections;

/// <summary>Hashes bytes, eight at a time. The seed is random for each process, so that no one can prepare colliding keys.</summary>
internal static class TextHash
{
    // Odd numbers without a pattern: digits of the golden ratio and of the square root of two.
    private const ulong First = 0x9e3779b97f4a7c15;
    private const ulong Second = 0x6a09e667f3bcc909;

    private static readonly ulong s_seed = (ulong)Random.Shared.NextInt64();

    public static int Of(ReadOnlySpan<byte> bytes)
    {
        ulong hash = s_seed ^ ((ulong)bytes.Length * First);
        for (; bytes.Length > sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(bytes));
        }

        hash = Mix(Mix(hash ^ Last(bytes)) ^ s_seed);
        return (int)(hash ^ (hash >> 32));
    }

    // Up to eight bytes in one word. The hash already contains their number.
    private static ulong Last(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == sizeof(ulong))
        {
            return MemoryMarshal.Read<ulong>(bytes);
        }

        ulong word = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            word |= (ulong)bytes[i] << (8 * i);
        }

        return word;
    }

    // Uses all 128 bits of the product, so that each bit of the result depends on each bit of the word.
    private static ulong Mix(ulong word)
    {
        ulong high = Math.BigMul(word ^ Second, First, out ulong low);
        return high ^ low;
    }
}
