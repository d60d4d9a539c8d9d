using SpanHeap.Traced.Collecting;

namespace SpanHeap.Traced;

/// <summary>
/// A collection in which the program says which collectable blocks (<see cref="TracedScope.NewCollectable"/>) live: for stores that track that
/// themselves. Every block that it does not mark, and that no handle, root array or live block refers to, is freed.
/// </summary>
/// <remarks>
/// <para>
/// Get a session from <see cref="TracedHeap.BeginMark"/>, in a <c>using</c>. While it is open, a thread that begins a scope waits as long as it
/// takes, and a thread that asks for a collection waits up to ten seconds. So mark and complete, and wait for nothing meanwhile, least of all for a
/// thread that may want to begin a scope. The thread that holds the session is in no scope, and can neither enter one nor collect. A copy is the
/// same session.
/// </para>
/// <para>
/// Blocks made in scopes that have ended are no exception: mark every collectable block that the program may still use. Other traced blocks live,
/// as always, as long as something refers to them.
/// </para>
/// </remarks>
public readonly ref struct MarkSession
{
    private readonly TracedParts? _heap;
    private readonly ulong _number;

    internal MarkSession(TracedParts heap)
    {
        _heap = heap;
        _number = heap.Sessions.Begin();
    }

    // A default value was never begun, and is used like a session that is over.
    private MarkSessions Sessions => _heap?.Sessions ?? throw new InvalidOperationException($"The {nameof(MarkSession)} was not made by {nameof(TracedHeap)}.{nameof(TracedHeap.BeginMark)}.");

    /// <summary>Marks a block as live. Marking a block again does nothing.</summary>
    /// <param name="address">The block's first byte; 0 is ignored.</param>
    /// <exception cref="HeapCorruptionException">
    /// The address is not that of a collectable block of the heap. It is ignored, and marking can go on.
    /// </exception>
    /// <exception cref="InvalidOperationException">The session has been completed or disposed.</exception>
    public void Mark(nint address) => Sessions.Mark(_number, address);

    /// <summary>
    /// Marks what the roots reach, as any collection does, and lets all other blocks die. They are swept later, but their weak handles are cleared
    /// and their clean-ups queued when this returns.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The session has been completed or disposed; or a trace function threw, which is the inner exception.
    /// </exception>
    /// <exception cref="HeapCorruptionException">As for <see cref="TracedHeap.Collect"/>.</exception>
    /// <remarks>If this throws, nothing is freed, and the session is over.</remarks>
    public void Complete() => Sessions.Complete(_number);

    /// <summary>Ends the session. If it was not completed, nothing is freed. Calling this again does nothing.</summary>
    public void Dispose() => _heap?.Sessions.Abandon(_number);
}
