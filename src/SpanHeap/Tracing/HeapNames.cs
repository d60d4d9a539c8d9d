using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>The names of the process's heaps with traced memory, to be found by the address of a block: for messages about two heaps.</summary>
/// <remarks>Thread safe. A heap is here until it is disposed.</remarks>
internal static class HeapNames
{
    // Replaced as a whole, by compare-exchange, by the thread that makes or disposes a heap; read by any thread.
    private static Entry[] s_entries = [];

    private readonly record struct Entry(ulong Serial, string Name);

    public static void Add(ulong serial, string name) => Replace(entries => [.. entries, new Entry(serial, name)]);

    /// <summary>Takes a heap out; nothing, if it is not here.</summary>
    public static void Remove(ulong serial) => Replace(entries => [.. entries.Where(entry => entry.Serial != serial)]);

    /// <summary>The name of the heap that an address lies in; null when that has no traced memory, or the address lies in none.</summary>
    public static string? Find(nint address)
    {
        foreach (Entry entry in Volatile.Read(ref s_entries))
        {
            if (ArenaMap.IsInArenaOf(entry.Serial, address))
            {
                return entry.Name;
            }
        }

        return null;
    }

    private static void Replace(Func<Entry[], Entry[]> change)
    {
        Entry[] known;
        do
        {
            known = Volatile.Read(ref s_entries);
        }
        while (Interlocked.CompareExchange(ref s_entries, change(known), known) != known);
    }
}
