namespace SpanHeap.Os;

/// <summary>
/// Implements lists that are read without a lock and seldom changed. A list is an array that is replaced as a whole, by compare-exchange, and never
/// modified. Null is the empty list.
/// </summary>
/// <remarks>Thread safe. A reader takes the array with one volatile read and then works on that array.</remarks>
internal static class CopyOnWrite
{
    public static void Add<T>(ref T[]? list, T item) => Replace(ref list, known => [.. known, item]);

    /// <summary>Removes the elements for which a condition holds.</summary>
    public static void RemoveAll<T>(ref T[]? list, Func<T, bool> condition) => Replace(ref list, known => [.. known.Where(item => !condition(item))]);

    private static void Replace<T>(ref T[]? list, Func<T[], T[]> change)
    {
        T[]? known;
        T[] changed;
        do
        {
            known = Volatile.Read(ref list);
            changed = change(known ?? []);
        }
        while (Interlocked.CompareExchange(ref list, changed.Length != 0 ? changed : null, known) != known);
    }
}
