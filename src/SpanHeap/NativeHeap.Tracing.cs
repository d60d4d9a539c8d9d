using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Traced memory: blocks that are freed when nothing reaches them any more.</summary>
public sealed unsafe partial class NativeHeap
{
    private readonly TracedHeap? _traced;

    internal TracedHeap Traced => _traced ?? throw new InvalidOperationException(
        $"The heap '{Name}' has no traced memory: make it with {nameof(NativeHeapOptions)}.{nameof(NativeHeapOptions.Traced)} = true.");

    /// <summary>Begins a scope, in which the calling thread may use traced blocks.</summary>
    /// <exception cref="InvalidOperationException">The heap was not made with <see cref="NativeHeapOptions.Traced"/>.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    internal GcScope Enter()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        return new GcScope(traced, traced.Enter());
    }

    /// <summary>
    /// Collects: finds all blocks that something reaches. The others are swept behind, by threads that need memory and in the
    /// background, so that it takes no longer the more of them there are.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope, or the heap has no traced memory.</exception>
    /// <exception cref="TimeoutException">A thread has kept its scope open for ten seconds; the message names it.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: a reference leads to a block that has died, or to none; the message has both. With
    /// <see cref="NativeHeapOptions.TracedCheckmark"/>: marking went wrong. Nothing is freed, and the heap is as it was.
    /// </exception>
    internal void Collect()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        traced.RequireOutside();
        traced.Collector.Collect();
    }

    /// <summary>Sweeps what the last collection left: all blocks that it did not reach are free when this returns.</summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope, or the heap has no traced memory.</exception>
    /// <exception cref="TimeoutException">A thread has kept its scope open for ten seconds; the message names it.</exception>
    internal void FinishSweeping()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        traced.RequireOutside();
        traced.Collector.FinishSweeping();
    }
}
