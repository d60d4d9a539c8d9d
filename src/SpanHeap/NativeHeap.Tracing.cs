using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Traced memory: blocks that are freed when nothing reaches them any more.</summary>
public sealed unsafe partial class NativeHeap
{
    private readonly TracedHeap? _traced;

    /// <summary>
    /// Raised when a collection was due and a thread did not leave its scope for as long as others may be kept out
    /// (<see cref="NativeHeapOptions.TracedScopePatience"/>): at most once for a scope, until a collection passes. On the thread that was about
    /// to enter a scope or yield, outside of all locks; what a handler throws comes out of that call. That may be the thread whose scope it
    /// is: when it enters another within it and the heap has grown twice as much as it was to.
    /// </summary>
    public event EventHandler<CollectionHeldUpEventArgs>? CollectionHeldUp;

    /// <summary>
    /// Raised for each clean-up (<see cref="GcScope.OnDead{T, TState}"/>) that threw, on the thread that ran it, before the next is run.
    /// Without a handler it is only counted. What a handler throws ends the process, as on any thread; or comes out of <see cref="RunCleanUps"/>.
    /// </summary>
    public event EventHandler<CleanUpFailedEventArgs>? CleanUpFailed;

    internal TracedHeap Traced => _traced ?? throw new InvalidOperationException(
        $"The heap '{Name}' has no traced memory: make it with {nameof(NativeHeapOptions)}.{nameof(NativeHeapOptions.Traced)} = true.");

    /// <summary>
    /// Begins a scope, in which the calling thread may use traced blocks. Collects first, if that is due; waits while another thread
    /// does, and never otherwise.
    /// </summary>
    /// <returns>The scope, for a <c>using</c>.</returns>
    /// <exception cref="InvalidOperationException">
    /// The heap was not made with <see cref="NativeHeapOptions.Traced"/>, or the caller is a trace function, of whatever heap; or a trace
    /// function threw in a collection that was due, which is the inner exception.
    /// </exception>
    /// <exception cref="HeapCorruptionException">A collection that was due found a fault, as <see cref="Collect"/> does. No scope has begun.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's records.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public GcScope Enter()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        return new GcScope(traced, traced.Enter());
    }

    /// <summary>Makes an array of references that keep what they refer to until it is disposed. In a scope or out.</summary>
    /// <typeparam name="T">What they refer to; <see cref="byte"/> for blocks that have no type.</typeparam>
    /// <param name="length">How many; all refer to nothing yet.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="InvalidOperationException">The heap was not made with <see cref="NativeHeapOptions.Traced"/>.</exception>
    /// <exception cref="OutOfMemoryException">There is no managed memory for so many.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public RootArray<T> CreateRootArray<T>(int length)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        return new RootArray<T>(traced, length);
    }

    /// <summary>
    /// Collects: finds all blocks that something reaches. The others are swept behind, by threads that need memory and in the
    /// background, so that it takes no longer the more of them there are. Nobody has to call it: collections come as the heap grows.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The calling thread is in a scope, or the heap has no traced memory; or a trace function threw, which is the inner exception.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// A thread has kept its scope open for ten seconds; the message names it, with full checks also where it entered. Nothing has changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: a reference leads to a block that has died, or to none; the message has both. With
    /// <see cref="NativeHeapOptions.TracedCheckmark"/>: marking went wrong. Nothing is freed, and the heap is as it was.
    /// </exception>
    public void Collect()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        traced.RequireOutside();
        traced.Collector.Collect();
    }

    /// <summary>Sweeps what the last collection left: all blocks that it did not reach are free when this returns.</summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope, or the heap has no traced memory.</exception>
    /// <exception cref="TimeoutException">A thread has kept its scope open for ten seconds; the message names it.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void FinishSweeping()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        traced.RequireOutside();
        traced.Collector.FinishSweeping();
    }

    /// <summary>
    /// Begins a collection in which the program says which collectable blocks live. Waits till no thread is in a scope, and keeps all out
    /// until it is completed or disposed.
    /// </summary>
    /// <returns>The session, for a <c>using</c>.</returns>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope or has a session open, or the heap has no traced memory.</exception>
    /// <exception cref="TimeoutException">
    /// A thread has kept its scope, or another session, open for ten seconds; the message names it, with full checks also where it entered.
    /// Nothing has changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public MarkSession BeginMark()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        traced.RequireOutside();
        return new MarkSession(traced);
    }

    /// <summary>
    /// Runs the clean-ups whose blocks have been found dead, and waits for one that another thread is running: when this returns, all have
    /// run whose block was found dead before it was called. Nobody has to call it: the heap has a thread for that. Called by a clean-up,
    /// it does nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope or is marking, or the heap has no traced memory.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void RunCleanUps()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        traced.RequireOutside();
        traced.CleanUpQueue.RunAll();
    }

    /// <summary>A snapshot of the figures of traced memory, cheap enough to be taken often.</summary>
    /// <exception cref="InvalidOperationException">The heap was not made with <see cref="NativeHeapOptions.Traced"/>.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public TracedStatistics GetTracedStatistics()
    {
        TracedHeap traced = Traced;
        _core.ThrowIfDisposed();
        return TracedSnapshot.Take(traced);
    }

    /// <summary>What the last collection did; null before the first. Each is a new object.</summary>
    /// <exception cref="InvalidOperationException">The heap was not made with <see cref="NativeHeapOptions.Traced"/>.</exception>
    public CollectionInfo? LastCollection => Traced.Collector.Last;

    private TracedHeap MakeTraced()
    {
        NativeHeapOptions options = _core.Options;
        TracingOptions tracing = new()
        {
            GrowthPercent = options.TracedGrowthPercent,
            MinimumBytes = (long)nuint.Min(options.TracedMinimum, s_largestMinimum),
            SoftLimitBytes = options.TracedMemoryLimit == 0 ? long.MaxValue : (long)Math.Min((ulong)options.TracedMemoryLimit, long.MaxValue),
            ByHand = options.TracedByHand,
            IsStressed = options.TracedStress && !options.TracedByHand,
            IdleDelay = options.TracedIdleDelay,
            WritesTrace = options.TracedTrace,
            LongestPatience = options.TracedScopePatience,
            MarkThreads = options.TracedMarkThreads,
        };
        TracedHeap traced = new(_core, tracing) { OnHeldUp = report => CollectionHeldUp?.Invoke(this, report) };
        traced.CleanUpQueue.OnFailure = failure => CleanUpFailed?.Invoke(this, new CleanUpFailedEventArgs(failure));
        return traced;
    }
}
