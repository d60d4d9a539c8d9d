using System.Diagnostics.CodeAnalysis;
using SpanHeap.Contract;

namespace SpanHeap.Traced.Collections;

/// <summary>Throws exceptions outside of the methods that decide to, so that those stay small.</summary>
internal static class CollectionThrowHelper
{
    /// <exception cref="ArgumentOutOfRangeException">Always.</exception>
    [DoesNotReturn]
    public static void NoEntry(long index, long count) =>
        throw new ArgumentOutOfRangeException(nameof(index), index, $"There is no entry {index} in a list of {count}.");

    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void EmptyList() => throw new InvalidOperationException("The list is empty: it has no last entry.");

    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void ChangedMeanwhile() => throw new InvalidOperationException(
        "The collection was changed while it was enumerated: note the changes, and make them after the loop.");

    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void Segmented(long count, long segment) => throw new InvalidOperationException(
        $"The list's {count} entries do not lie side by side: from {segment} on they are in segments. Use SpanFrom to get them run by run.");

    /// <exception cref="KeyNotFoundException">Always.</exception>
    [DoesNotReturn]
    public static void KeyNotFound(string key) => throw new KeyNotFoundException($"The dictionary has no entry for the key '{key}'.");

    /// <exception cref="ArgumentException">Always.</exception>
    [DoesNotReturn]
    public static void KeyKnown(string key) =>
        throw new ArgumentException($"The dictionary already has an entry for the key '{key}': use Set to replace its value.", nameof(key));

    /// <exception cref="ArgumentNullException">Always.</exception>
    [DoesNotReturn]
    public static void NullKey() => throw new ArgumentNullException("key", "The key refers to nothing, but must refer to a string.");

    /// <exception cref="ArgumentNullException">Always.</exception>
    [DoesNotReturn]
    public static void NullWeakKey() => throw new ArgumentNullException("key", "The key refers to nothing, but must refer to a block.");

    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    public static void TooManyEntries() => ThrowHelper.OutOfMemory("A dictionary has room for at most 2,147,483,647 entries.");
}
