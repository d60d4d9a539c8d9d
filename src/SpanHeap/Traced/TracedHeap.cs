using System.Diagnostics;
using SpanHeap.Contract;
using SpanHeap.Diagnostics;
using SpanHeap.Heap;
using SpanHeap.Metrics;
using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Traced;

/// <summary>
/// A heap of blocks that the program does not free: a block lives as long as a handle, a root array or another live block refers to it. Its manual
/// side, <see cref="Native"/>, shares its pages, memory limit and guards.
/// </summary>
/// <remarks>
/// All members but <see cref="Dispose"/> are thread safe. Threads use traced blocks between <see cref="Enter"/> and the end of the scope;
/// collections begin and end while no thread is in a scope. A heap that is dropped without being disposed keeps its memory.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
[DebuggerTypeProxy(typeof(TracedHeapDebugView))]
public sealed class TracedHeap : IDisposable
{
    private readonly HeapCore _core;
    private readonly TracedParts _parts;

    /// <summary>Creates a heap with default options.</summary>
    public TracedHeap()
        : this(new TracedHeapOptions())
    {
    }

    /// <summary>Creates a heap with the specified options.</summary>
    /// <param name="options">The heap's options. Later changes to the object have no effect.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="IOException"><see cref="GuardOptions.RecordFile"/> cannot be written.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the heap's own records.</exception>
    /// <exception cref="PlatformNotSupportedException">The process is not a 64-bit process on Linux, macOS or Windows.</exception>
    public TracedHeap(TracedHeapOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        TracedHeapOptions validated = (TracedHeapOptions)options.Validated();
        HeapMeter.Start();
        _core = new HeapCore(validated, hasTraced: true);
        try
        {
            _parts = new TracedParts(_core, TracingOptions.Of(validated), validated.VerifyMarking, validated.AuditStores);
        }
        catch
        {
            // The caller never gets the heap, and so could not dispose it.
            _core.Dispose();
            throw;
        }

        _parts.Collector.OnHeldUp = report => CollectionHeldUp?.Invoke(this, report);
        _parts.CleanUpQueue.OnFailure = failure => CleanUpFailed?.Invoke(this, new CleanUpFailedEventArgs(failure));
        _core.Wing = new Wing(this);
        Native = NativeHeap.Of(_core);
    }

    /// <summary>
    /// Occurs when a collection was due but a thread stayed in its scope for longer than other threads may be kept out
    /// (<see cref="TracedHeapOptions.ScopePatience"/>). It is raised at most once for a scope until a collection happens.
    /// </summary>
    /// <remarks>
    /// Raised outside of all locks, on the thread that was about to enter a scope or to yield; what a handler throws comes out of that call. That
    /// thread may be the one whose scope it is, if it enters another scope within it and the heap has grown by twice as much as it should.
    /// </remarks>
    public event EventHandler<CollectionHeldUpEventArgs>? CollectionHeldUp;

    /// <summary>
    /// Raised for each clean-up (<see cref="TracedScope.OnDead{T, TState}"/>) that threw, on the thread that ran it, before the next one runs.
    /// </summary>
    /// <remarks>
    /// Without a handler the failure is only counted. An exception from a handler ends the process, as on any thread, or comes out of
    /// <see cref="RunCleanUps"/>.
    /// </remarks>
    public event EventHandler<CleanUpFailedEventArgs>? CleanUpFailed;

    /// <summary>
    /// Gets the manual side of the heap, for blocks that the program frees, in the same pages and under the same limit. It lives as long as this
    /// heap, and its <see cref="NativeHeap.Dispose"/> throws.
    /// </summary>
    public NativeHeap Native { get; }

    /// <summary>Gets the heap's name in messages, statistics and metrics.</summary>
    public string Name => _core.Name;

    /// <summary>Gets whether the heap has been disposed.</summary>
    public bool IsDisposed => _core.IsDisposed;

    /// <summary>Gets what the last collection did; null before the first. Each collection makes a new object.</summary>
    public CollectionInfo? LastCollection => _parts.Collector.Last;

    internal HeapCore Core => _core;

    internal TracedParts Parts => _parts;

    /// <summary>
    /// Begins a scope, in which the calling thread may use traced blocks. If a collection is due, it collects first, or with
    /// <see cref="CollectionPriority.Latency"/> lets a thread of the library begin. It waits while threads are kept out: while a collection waits for scopes to
    /// end, for <see cref="TracedHeapOptions.ScopePatience"/> at a time at most, and during its pauses.
    /// </summary>
    /// <returns>The scope, for a <c>using</c>.</returns>
    /// <exception cref="InvalidOperationException">
    /// The caller is a trace function of any heap; or a trace function threw in a collection that was due, and its exception is the inner one.
    /// </exception>
    /// <exception cref="HeapCorruptionException">
    /// A collection that was due found a fault, as <see cref="Collect"/> does. No scope has begun.
    /// </exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's records.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public unsafe TracedScope Enter()
    {
        _core.ThrowIfDisposed();
        return new TracedScope(_parts, _parts.Entry.Enter());
    }

    /// <summary>Creates an array of references that keep the blocks they refer to until it is disposed. May be called in or out of scopes.</summary>
    /// <typeparam name="T">The type of the referenced blocks; <see cref="byte"/> for untyped blocks.</typeparam>
    /// <param name="length">The number of references; all refer to nothing yet.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="OutOfMemoryException">There is no managed memory for so many.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public TracedRoots<T> CreateRoots<T>(int length)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _core.ThrowIfDisposed();
        return new TracedRoots<T>(_parts, length);
    }

    /// <summary>
    /// Collects: finds all blocks that something reaches. The others are swept later, by threads that need memory and in the background, so their
    /// number does not make a collection longer. No program has to call this: collections happen as the heap grows.
    /// </summary>
    /// <remarks>
    /// With <see cref="CollectionPriority.Latency"/>, other threads go on while it marks on the calling thread, and what they drop meanwhile is found by the next
    /// collection. It is never minor.
    /// </remarks>
    /// <exception cref="InvalidOperationException">
    /// The calling thread is in a scope; or a trace function threw, and its exception is the inner one.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// A thread has kept its scope open, or other collections have been under way, for ten seconds. The message names the thread and, with full checks, where
    /// it entered. Nothing has changed; but a collection that has marked while threads go on ends by itself once the thread has left its scope.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: a reference leads to a block that has died, or to no block; the message says from where and to where. With
    /// <see cref="TracedHeapOptions.VerifyMarking"/>: marking went wrong. Nothing is freed, and the heap is as it was.
    /// </exception>
    public void Collect()
    {
        RequireOutside();
        _parts.Collector.Collect();
    }

    /// <summary>Sweeps what the last collection left unswept: all blocks that it did not reach are free when this returns.</summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope.</exception>
    /// <exception cref="TimeoutException">A thread has kept its scope open for ten seconds; the message names the thread.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void FinishSweeping()
    {
        RequireOutside();
        _parts.Collector.FinishSweeping();
    }

    /// <summary>
    /// Begins a collection in which the program says which collectable blocks live. It waits until no thread is in a scope, and keeps all threads
    /// out until the session is completed or disposed.
    /// </summary>
    /// <returns>The session, for a <c>using</c>.</returns>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope or has a session open.</exception>
    /// <exception cref="TimeoutException">
    /// A thread has kept its scope or another session open for ten seconds. The message names the thread and, with full checks, where it entered.
    /// Nothing has changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public MarkSession BeginMark()
    {
        RequireOutside();
        return new MarkSession(_parts);
    }

    /// <summary>
    /// Runs the clean-ups whose blocks have been found dead, and waits for one that another thread is running. When this returns, every clean-up
    /// whose block was found dead before the call has run. No program has to call this: the heap has a thread for it. Called by a clean-up, it does
    /// nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope or is marking.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void RunCleanUps()
    {
        RequireOutside();
        _parts.CleanUpQueue.RunAll();
    }

    /// <summary>
    /// Takes a snapshot of the statistics of traced memory; it is cheap enough to be taken often. The statistics of the pages, which manual blocks
    /// share, are those of <see cref="Native"/>.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public TracedStatistics GetStatistics()
    {
        _core.ThrowIfDisposed();
        return _parts.Snapshot.Take();
    }

    /// <summary>
    /// Walks all metadata of the heap, traced and manual, compares what is recorded twice, and follows all references. No other thread may use the
    /// heap meanwhile. It waits for a clean-up that is running, unless the caller is one, and none begins before this returns.
    /// </summary>
    /// <exception cref="HeapCorruptionException">Something does not agree; the message has the facts.</exception>
    /// <exception cref="InvalidOperationException">
    /// A <see cref="MarkSession"/> of the heap is open; or the caller is a trace function that <see cref="Verify"/> has called, or is in a scope while a
    /// concurrent collection is under way.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// A concurrent collection is under way, and a thread has kept its scope open for ten seconds; the message names the thread.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Verify()
    {
        _core.Quiescence.RequireNotQuietHere();

        // This comes before the wait for clean-ups: one of them may be waiting for the caller's session to end.
        _parts.End.RequireNoSession();

        // This comes before anything is held that a clean-up may want. Within a trace function it would wait for the collection, which waits for
        // that function.
        CleanUpQueue? cleanUps = CustomTracing.IsRunning ? null : _parts.CleanUpQueue;
        cleanUps?.Pause();
        try
        {
            bool pausedIdle = _parts.PauseIdle();
            try
            {
                _parts.AwaitConcurrent();
                _core.Quiescence.WhileQuiet(_core, VerifyQuiet);
            }
            finally
            {
                _parts.ResumeIdle(pausedIdle);
            }
        }
        finally
        {
            cleanUps?.Resume();
        }
    }

    /// <summary>
    /// Returns what caches keep for reuse, including manual blocks, and gives free memory back to the system now rather than after the heap's
    /// delay. It frees no traced block.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Trim()
    {
        _core.Trim();
        _parts.Trim();
    }

    /// <summary>
    /// Frees all blocks of the heap at once, traced and manual, and gives its memory back. The caller ensures that no thread is using the heap or
    /// its blocks; later calls throw <see cref="ObjectDisposedException"/>. This waits for a clean-up that is running; all others are dropped,
    /// whether their block has died or not.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// A thread is in a scope of the heap, or has a <see cref="MarkSession"/> of it open; or the caller is one of the heap's clean-ups; or native
    /// code has hooks of the heap's manual side. Nothing has changed.
    /// </exception>
    public void Dispose()
    {
        if (_core.IsDisposed)
        {
            return;
        }

        _parts.End.RequireUnused();

        // Last of what can refuse, because it is what cannot be taken back.
        _core.State.EndHooks();
        _parts.Dispose();
        Native.Close();
    }

    /// <summary>Returns the heap's name and its memory in one line, for people to read. It takes no lock, and may be called on a disposed heap.</summary>
    public override string ToString()
    {
        string heap = HeapFigures.Describe(_core);
        return IsDisposed ? heap : $"{heap}; traced: {Readable.Bytes(_parts.Pacer.LiveBytes)} live after {Readable.Count(_parts.Collector.Cycles, "collection")}";
    }

    private void RequireOutside()
    {
        _core.ThrowIfDisposed();
        _parts.Entry.RequireOutside();
    }

    private bool VerifyQuiet(HeapCore core)
    {
        _parts.Pause();
        try
        {
            _parts.Verify();
            return HeapVerifier.Verify(core);
        }
        finally
        {
            _parts.Resume();
        }
    }

    private sealed class Wing(TracedHeap heap) : HeapWing
    {
        public override string DisposeRefusal =>
            $"The heap '{heap.Name}' is the manual side of a {nameof(TracedHeap)} and lives as long as that: dispose the {nameof(TracedHeap)}.";

        public override WingFigures Figures => new(heap._parts.Pacer.LiveBytes, heap._parts.Collector.Cycles, heap._parts.Collector.Pauses.Total);

        public override void Verify() => heap.Verify();
    }
}
