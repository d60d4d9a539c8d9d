using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>What is kept about blocks without keeping them: weak handles, and what is done when they have died.</summary>
public readonly unsafe ref partial struct GcScope
{
    /// <summary>Names a block without keeping it.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="block">A block of the scope's heap; or nothing, for a handle that never names one.</param>
    /// <returns>A handle, to be disposed when it is needed no more, whether the block lives or not.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the handle.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is no block of the heap.</exception>
    public GcWeakHandle<T> KeepWeak<T>(GcRef<T> block)
        where T : unmanaged
    {
        RequireReference(block.Address);
        return new GcWeakHandle<T>(_heap, block.Address);
    }

    /// <summary>
    /// Has something done once, after a collection has found a block dead: a file closed, manual memory freed, a table's entry dropped. It
    /// runs on a thread that the heap has for that, or in <see cref="NativeHeap.RunCleanUps"/>; never within a collection or a scope.
    /// </summary>
    /// <typeparam name="T">What the block is.</typeparam>
    /// <typeparam name="TState">What the action needs.</typeparam>
    /// <param name="block">A block of the scope's heap.</param>
    /// <param name="action">
    /// What is done: best a static method, as what it captures is kept as <paramref name="state"/> is. When it runs, the block and weak
    /// handles of it are gone. It may enter scopes and allocate. One that waits holds up those behind it; what it throws is counted and
    /// raised as <see cref="NativeHeap.CleanUpFailed"/>.
    /// </param>
    /// <param name="state">
    /// What it is called with: copied from the block whatever is needed of it. No reference in it is traced: it keeps no block alive, and an
    /// address of the block in it leads nowhere when the action runs. If it has a <see cref="GcHandle{T}"/> that keeps the block, the
    /// block never dies.
    /// </param>
    /// <returns>The clean-up, with which it can be cancelled.</returns>
    /// <remarks>
    /// Clean-ups whose blocks were found dead by one collection run in the order in which they were registered, after those of collections
    /// before. They are not run when the heap is disposed, nor at the end of the process.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="block"/> refers to nothing.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="action"/> is null.</exception>
    /// <exception cref="OutOfMemoryException">There is no managed memory for it; nothing has changed.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is no block of the heap.</exception>
    public GcCleanUp OnDead<T, TState>(GcRef<T> block, Action<TState> action, TState state)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(action);
        RequireReference(block.Address);
        if (block.IsNull)
        {
            throw new ArgumentException("There is no block whose death could be waited for.", nameof(block));
        }

        CleanUp<TState> cleanUp = new(action, state) { Counts = _heap.CleanUps.Counts };
        _heap.CleanUps.Add(block.Address, cleanUp);
        return new GcCleanUp(cleanUp);
    }
}
