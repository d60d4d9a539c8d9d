using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>Finds the names of the process's heaps with traced memory by the address of a block, for messages about two heaps.</summary>
/// <remarks>Thread safe. A heap stays here until it is disposed.</remarks>
internal static class HeapNames
{
    // Changed by the thread that makes or disposes a heap; read by any thread.
    private static Entry[]? s_entries;

    private readonly record struct Entry(ulong Serial, string Name);

    public static void Add(ulong serial, string name) => CopyOnWrite.Add(ref s_entries, new Entry(serial, name));

    /// <summary>Removes a heap; does nothing if it is not here.</summary>
    public static void Remove(ulong serial) => CopyOnWrite.RemoveAll(ref s_entries, entry => entry.Serial == serial);

    /// <summary>Finds the name of the heap that an address lies in; null if the heap has no traced memory, or the address lies in no heap.</summary>
    public static string? Find(nint address)
    {
        foreach (Entry entry in Volatile.Read(ref s_entries) ?? [])
        {
            if (ArenaMap.IsInArenaOf(entry.Serial, address))
            {
                return entry.Name;
            }
        }

        return null;
    }
}
