using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>
/// A collection in which the program says which collectable blocks (<see cref="GcScope.NewCollectable"/>) live: for stores that know
/// that themselves. All that it does not mark, and that no handle, root array or live block refers to, is freed.
/// </summary>
/// <remarks>
/// <para>
/// Get it from <see cref="NativeHeap.BeginMark"/>, in a <c>using</c>. While it is open, every thread that begins a scope waits, as long as
/// it takes, and one that asks for a collection ten seconds: so mark and complete, and wait for nothing meanwhile, least of all for a
/// thread that may want to begin a scope. The thread that has it is in no scope, and can neither enter one nor collect. A copy is the
/// same session.
/// </para>
/// <para>
/// Blocks made in a scope that ended before count as those made earlier: mark all that the program may still use. Other traced blocks
/// live as always, by what refers to them.
/// </para>
/// </remarks>
public readonly ref struct MarkSession
{
    private readonly TracedHeap? _heap;
    private readonly ulong _number;

    internal MarkSession(TracedHeap heap)
    {
        _heap = heap;
        _number = heap.Collector.BeginSession();
    }

    // Who asks for a session that was never begun asks for one that is over.
    private Collector Collector => _heap?.Collector ?? throw new InvalidOperationException($"The {nameof(MarkSession)} was not made by {nameof(NativeHeap)}.{nameof(NativeHeap.BeginMark)}.");

    /// <summary>Says that a block lives. Again, it does nothing.</summary>
    /// <param name="address">The block's first byte; 0 is ignored.</param>
    /// <exception cref="HeapCorruptionException">It is no collectable block of the heap. It is ignored, and marking can go on.</exception>
    /// <exception cref="InvalidOperationException">The session has been completed or disposed.</exception>
    public void Mark(nint address) => Collector.MarkInSession(_number, address);

    /// <summary>
    /// Marks what roots reach, as any collection does, and lets all other blocks go: they are swept behind. Weak handles and clean-ups of
    /// theirs know it when this returns.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The session has been completed or disposed; or a trace function threw, which is the inner exception.
    /// </exception>
    /// <exception cref="HeapCorruptionException">As of <see cref="NativeHeap.Collect"/>.</exception>
    /// <remarks>Whatever is thrown, nothing is freed, and the session is over.</remarks>
    public void Complete() => Collector.CompleteSession(_number);

    /// <summary>Ends the session; if it was not completed, nothing is freed. Again, it does nothing.</summary>
    public void Dispose() => _heap?.Collector.AbandonSession(_number);
}
