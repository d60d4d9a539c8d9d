using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Marking;

/// <summary>Collects the non-null pointers in blocks. Each word is read once.</summary>
internal static unsafe class BlockPointers
{
    /// <summary>Collects those of a pattern.</summary>
    /// <param name="top">Where the first one goes. There is room for as many as the pattern has.</param>
    /// <param name="words">The first of the words that the pattern describes.</param>
    /// <param name="pattern">A bit for each word that is a pointer.</param>
    /// <returns>The place after the last one.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint* Collect(nint* top, nint* words, ulong pattern)
    {
        for (; pattern != 0; pattern &= pattern - 1)
        {
            top = Add(top, words[BitOperations.TrailingZeroCount(pattern)]);
        }

        return top;
    }

    /// <summary>Collects those of an array.</summary>
    /// <param name="top">Where the first one goes. There is room for all.</param>
    /// <param name="words">The array.</param>
    /// <param name="count">Its length.</param>
    /// <returns>The place after the last one.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint* Collect(nint* top, nint* words, int count)
    {
        for (int i = 0; i < count; i++)
        {
            top = Add(top, words[i]);
        }

        return top;
    }

    /// <summary>Adds a pointer unless it is null. There is no branch, because it would be unpredictable which pointers are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint* Add(nint* top, nint pointer)
    {
        *top = pointer;
        return top + (pointer != 0 ? 1 : 0);
    }
}
