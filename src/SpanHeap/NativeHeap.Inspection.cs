using SpanHeap.Caches;
using SpanHeap.Diagnostics;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Looking into a heap.</summary>
public sealed unsafe partial class NativeHeap
{
    /// <summary>Bytes from a block's start that may be used: at least what was asked for.</summary>
    /// <param name="ptr">A block of this heap.</param>
    /// <exception cref="HeapCorruptionException">The pointer is no block of this heap.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public nuint UsableSize(void* ptr) => _core.UsableSize(ptr);

    /// <summary>
    /// Whether an address lies in a block of this heap that is allocated or kept for reuse. Any address may be asked for; traced blocks do
    /// not count.
    /// </summary>
    /// <param name="ptr">The address.</param>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public bool Contains(void* ptr) => TryFindBlock(ptr, out BlockInfo block) && block.State != BlockState.Free;

    /// <summary>Finds the block that an address lies in, be it its first byte or any other. Any address may be asked for; traced blocks are not found.</summary>
    /// <param name="anyAddressInside">The address.</param>
    /// <param name="block">The block, which may be free.</param>
    /// <returns>Whether the address lies in a page of this heap that holds blocks, and not behind the last of them.</returns>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public bool TryFindBlock(void* anyAddressInside, out BlockInfo block) => _core.TryFindBlock(anyAddressInside, out block);

    /// <summary>The calling thread's handle of this heap, for use in loops.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's cache.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public LocalHeap GetLocal()
    {
        ThreadCache* cache = Cache;
        return new LocalHeap(_core, cache != ThreadCache.None ? cache : _core.Attach());
    }

    /// <summary>A snapshot of the heap's figures; exact while no other thread uses it.</summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public HeapStatistics GetStatistics() => _core.WhileQuiet(StatisticsCollector.Collect);

    /// <summary>
    /// Walks all metadata of the heap and compares what is said twice. No other thread may use the heap meanwhile; a clean-up that is
    /// running is waited for, unless it is one that asks, and none begins before this returns.
    /// </summary>
    /// <exception cref="HeapCorruptionException">Something does not agree; the message has the facts.</exception>
    /// <exception cref="InvalidOperationException">
    /// A <see cref="MarkSession"/> of the heap is open; or the caller is a trace function that <see cref="Verify"/> has called.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Verify()
    {
        if (_core.IsQuietHere)
        {
            throw new InvalidOperationException($"The calling thread is verifying the heap '{Name}': a trace function that Verify calls cannot verify it.");
        }

        if (_traced == null)
        {
            _core.WhileQuiet<bool>(HeapVerifier.Verify);
            return;
        }

        // Before clean-ups are waited for: one of them may be waiting for the caller's session to end.
        _traced.RequireNoSession();

        // Before anything is held that a clean-up may want. Within a trace function it would wait for the collection, which waits here.
        CleanUpQueue? cleanUps = CustomTracing.IsRunning ? null : _traced.CleanUpQueue;
        cleanUps?.Pause();
        try
        {
            _core.WhileQuiet<bool>(VerifyWithTraced);
        }
        finally
        {
            cleanUps?.Resume();
        }
    }

    /// <summary>
    /// Guarded blocks in the hands of the program, grouped by the stack that allocated them, the most bytes first: in a heap that guards all
    /// its blocks, what was not freed.
    /// </summary>
    /// <returns>Nothing for a heap without guarded blocks.</returns>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public IReadOnlyList<LiveBlockGroup> FindLiveBlocks() => _core.WhileQuiet<IReadOnlyList<LiveBlockGroup>>(static core => core.Guard?.LiveBlocks() ?? []);

    /// <summary>
    /// Returns what caches keep for reuse and gives free memory back to the system now, instead of after the heap's delay. What other
    /// threads keep for themselves goes back too if they are waiting (not on Windows, and not in native code), and stays otherwise.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Trim()
    {
        _core.Trim();
        _traced?.Trim();
    }

    private bool VerifyWithTraced(HeapCore core)
    {
        BackgroundSweeper sweeper = Traced.Collector.Background;

        // A trace function that verifies may be called by an idle collection, and would wait for itself.
        IdleCollection? idle = CustomTracing.IsRunning ? null : Traced.Idle;
        idle?.Pause();
        sweeper.Pause();
        try
        {
            return TracedVerifier.Verify(Traced) && HeapVerifier.Verify(core);
        }
        finally
        {
            sweeper.Resume();
            idle?.Resume();
        }
    }
}
