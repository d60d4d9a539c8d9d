using SpanHeap.Os;

namespace SpanHeap.Traced.Checks;

/// <summary>The heaps that want to know of stores of references, for stores that have no scope at hand.</summary>
/// <remarks>Thread safe. There is one list for the process; a heap stays in it until it is disposed, or until its marking ends.</remarks>
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
    /// <exception cref="HeapCorruptionException">With full checks: it lies in no heap, it is not a live block, or the value is not one of the same heap.</exception>
    public static void BeforeStore(nint block, ref nint field, nint value)
    {
        // Without full checks anywhere, a block is what the program says, and the lock that guards the look at an address that may be none is not taken.
        StoreBarrier[]? heaps = Volatile.Read(ref s_heaps);
        StoreBarrier? heap = CheckedHeaps.Any ? HeapOfBlock.Find(heaps, block) : HeapOfBlock.FindTrusted(heaps, block);
        heap?.Before(block, ref field, value);
    }
}
