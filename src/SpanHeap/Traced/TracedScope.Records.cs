using SpanHeap.Traced.CleanUps;

namespace SpanHeap.Traced;

/// <content>What does not keep blocks alive: weak handles, and clean-ups that run when blocks have died.</content>
public readonly unsafe ref partial struct TracedScope
{
    /// <summary>Makes a weak handle, which names a block without keeping it alive.</summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <param name="block">A block of the scope's heap, or nothing for a handle that never names one.</param>
    /// <returns>The handle, to be disposed when it is no longer needed, whether the block lives or not.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the handle.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is not a block of the heap.</exception>
    public TracedWeakHandle<T> KeepWeak<T>(TracedRef<T> block)
        where T : unmanaged
    {
        RequireReference(block.Address);
        _heap.BeforeNaming(block.Address);
        return new TracedWeakHandle<T>(_heap, block.Address);
    }

    /// <summary>
    /// Registers a clean-up that runs once, after a collection has found a block dead: to close a file, free manual memory or drop a table's entry.
    /// It runs on a thread that the heap has for it, or in <see cref="TracedHeap.RunCleanUps"/>; never within a collection or a scope.
    /// </summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <typeparam name="TState">The type of the state that the action needs.</typeparam>
    /// <param name="block">A block of the scope's heap.</param>
    /// <param name="action">
    /// The action: preferably a static method, because what it captures is kept as <paramref name="state"/> is. When it runs, the block is gone and
    /// weak handles of it are cleared. It may enter scopes and allocate. While it waits, later clean-ups wait as well. What it throws is counted
    /// and raised as <see cref="TracedHeap.CleanUpFailed"/>.
    /// </param>
    /// <param name="state">
    /// The argument of the action: copy into it what is needed of the block. No reference in it is traced, so it keeps no block alive, and the
    /// block's address in it is invalid when the action runs. If it has a <see cref="TracedHandle{T}"/> that keeps the block, the block never dies.
    /// </param>
    /// <returns>The clean-up, through which it can be cancelled.</returns>
    /// <remarks>
    /// Clean-ups whose blocks were found dead by one collection run in the order in which they were registered, after those of earlier collections.
    /// They are not run when the heap is disposed, nor at the end of the process.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="block"/> refers to nothing.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="action"/> is null.</exception>
    /// <exception cref="OutOfMemoryException">There is no managed memory for it; nothing has changed.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is not a block of the heap.</exception>
    public TracedCleanUp OnDead<T, TState>(TracedRef<T> block, Action<TState> action, TState state)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(action);
        RequireReference(block.Address);
        if (block.IsNull)
        {
            throw new ArgumentException("The reference refers to nothing: there is no block to wait for.", nameof(block));
        }

        _heap.BeforeNaming(block.Address);
        CleanUp<TState> cleanUp = new(action, state) { Counts = _heap.CleanUps.Counts };
        _heap.CleanUps.Add(block.Address, cleanUp);
        return new TracedCleanUp(cleanUp);
    }
}
