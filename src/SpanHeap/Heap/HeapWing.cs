namespace SpanHeap.Heap;

/// <summary>
/// Memory of another kind that shares a heap's pages, as traced memory does. These members are all that a heap knows about it; the wing derives from
/// this class.
/// </summary>
internal abstract class HeapWing
{
    /// <summary>The message that says why the heap cannot be disposed by itself, and what must be disposed instead.</summary>
    public abstract string DisposeRefusal { get; }

    /// <summary>The wing's figures, read from counters: without a lock, a walk or an allocation. May be read while the heap is being disposed.</summary>
    public abstract WingFigures Figures { get; }

    /// <summary>Verifies the wing and the heap together, because neither can be verified while the other works.</summary>
    /// <exception cref="HeapCorruptionException">The metadata is inconsistent; the message contains the facts.</exception>
    public abstract void Verify();
}
