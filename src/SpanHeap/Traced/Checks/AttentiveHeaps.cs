using SpanHeap.Os;

namespace SpanHeap.Traced.Checks;

/// <summary>The heaps that want to know of stores of references, for stores that have no scope at hand.</summary>
/// <remarks>Thread safe. There is one list for the process; a heap stays in it until it is disposed.</remarks>
internal static class AttentiveHeaps
{
    // Null while there are none. Written and read as the list of CheckedHeaps is, and without an initializer for the same reason.
    private static StoreBarrier[]? s_heaps;

    /// <summary>Whether there are any such heaps.</summary>
    public static bool Any => s_heaps != null;

    public static void Add(StoreBarrier heap) => CopyOnWrite.Add(ref s_heaps, heap);

    /// <summary>Removes a heap; does nothing if it is not in the list.</summary>
    public static void Remove(StoreBarrier heap) => CopyOnWrite.RemoveAll(ref s_heaps, other => other == heap);

    /// <summary>Does what the heap of a block wants before a reference is stored into a field of the block.</summary>
    /// <exception cref="NullReferenceException">The block's address is 0.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the thread is in no scope of the heap.</exception>
    /// <exception cref="HeapCorruptionException">It lies in no heap. With full checks: it is not a live block, or the value is not one of the same heap.</exception>
    public static void BeforeStore(nint block, nint field, nint value) => HeapOfBlock.Find(Volatile.Read(ref s_heaps), block)?.Before(block, field, value);
}
