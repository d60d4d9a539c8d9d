using SpanHeap.Os;

namespace SpanHeap.Traced.Checks;

/// <summary>Finds heaps with traced memory and full checks by the address of a block, for code that has no scope at hand.</summary>
/// <remarks>Thread safe. There is one list for the process; a heap stays in it until it is disposed.</remarks>
internal static class CheckedHeaps
{
    // Null while there are none. Changed by the thread that makes or disposes a heap; read by any thread. A thread that has a block of a heap has
    // got it, directly or not, from the thread that made the heap, and so reads an array that has the heap. There is no initializer, because the
    // fast path would have to check whether it has run.
    private static ScopeChecks[]? s_heaps;

    /// <summary>Whether there are any such heaps.</summary>
    public static bool Any => s_heaps != null;

    public static void Add(ScopeChecks heap) => CopyOnWrite.Add(ref s_heaps, heap);

    /// <summary>Removes a heap; does nothing if it is not in the list.</summary>
    public static void Remove(ScopeChecks heap) => CopyOnWrite.RemoveAll(ref s_heaps, other => other == heap);

    /// <summary>
    /// Requires that an address is a live block and the calling thread is in a scope of its heap. Heaps without full checks are not checked.
    /// </summary>
    /// <exception cref="NullReferenceException">It is 0.</exception>
    /// <exception cref="InvalidOperationException">The thread is in no scope of the heap.</exception>
    /// <exception cref="HeapCorruptionException">It is not a live block.</exception>
    public static void RequireUsable(nint block) => HeapOfBlock.Find(Volatile.Read(ref s_heaps), block)?.RequireUsable(block);
}
