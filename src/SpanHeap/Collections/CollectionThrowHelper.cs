using System.Diagnostics.CodeAnalysis;

namespace SpanHeap.Collections;

/// <summary>Throws outside the methods that decide to, which stay small that way.</summary>
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
        "The collection was changed while it was enumerated: note what is to be changed, and change it after the loop.");

    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public static void Segmented(long count, long segment) => throw new InvalidOperationException(
        $"The list's {count} entries do not lie side by side: from {segment} on they are in segments. Take them run by run, with SpanFrom.");

    /// <exception cref="KeyNotFoundException">Always.</exception>
    [DoesNotReturn]
    public static void KeyNotFound(string key) => throw new KeyNotFoundException($"The dictionary has no entry for the key '{key}'.");

    /// <exception cref="ArgumentException">Always.</exception>
    [DoesNotReturn]
    public static void KeyKnown(string key) =>
        throw new ArgumentException($"The dictionary has an entry for the key '{key}' already: Set replaces its value.", nameof(key));

    /// <exception cref="ArgumentNullException">Always.</exception>
    [DoesNotReturn]
    public static void NullKey() => throw new ArgumentNullException("key", "A key is a string, and this reference refers to nothing.");

    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    public static void TooManyEntries() => ThrowHelper.OutOfMemory($"A dictionary has room for {int.MaxValue} entries.");
}
