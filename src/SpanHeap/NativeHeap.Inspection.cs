using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Diagnostics;
using SpanHeap.Heap;
using SpanHeap.Metrics;

namespace SpanHeap;

// Inspection and trimming.
public sealed unsafe partial class NativeHeap
{
    /// <summary>
    /// Gets the heaps that the program has created and not disposed, in the order in which they were created. The manual sides of heaps with traced
    /// memory are among them; <see cref="Shared"/> is not. Each call takes a new snapshot, and other threads may dispose any of the heaps meanwhile.
    /// </summary>
    /// <remarks>A heap that was dropped without being disposed is listed until the garbage collector has found it.</remarks>
    public static IReadOnlyList<NativeHeap> All => LiveHeaps.Snapshot<NativeHeap>();

    /// <summary>Gets the usable size of a block in bytes, which is at least the requested size.</summary>
    /// <param name="ptr">A pointer to a block of this heap.</param>
    /// <returns>The number of bytes from the block's start that the program may use.</returns>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of this heap.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public nuint UsableSize(void* ptr) =>
        SmallBlocks.TryGetSize(Cache, (nint)ptr, out nuint byteCount) && !_core.HasFullChecks ? byteCount : _core.UsableSize((nint)ptr);

    /// <inheritdoc cref="SpanMemory.GoodSize"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public nuint GoodSize(nuint byteCount) => _core.Allocator.GoodSize(byteCount);

    /// <summary>
    /// Determines whether an address lies in a block of this heap that is allocated or cached for reuse. Any address may be passed; traced blocks do
    /// not count.
    /// </summary>
    /// <param name="ptr">The address to look up.</param>
    /// <returns>Whether the address lies in such a block.</returns>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public bool Contains(void* ptr) => TryFindBlock(ptr, out BlockInfo block) && block.State != BlockState.Free;

    /// <summary>
    /// Finds the block that contains an address, which need not be the block's first byte. Any address may be passed; traced blocks are not found.
    /// </summary>
    /// <param name="anyAddressInside">The address to look up.</param>
    /// <param name="block">The block, which may be free.</param>
    /// <returns>Whether the address lies in a page of this heap that holds blocks, and not past the last of them.</returns>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public bool TryFindBlock(void* anyAddressInside, out BlockInfo block) => _core.TryFindBlock((nint)anyAddressInside, out block);

    /// <summary>Gets the calling thread's direct access to this heap, for use in loops.</summary>
    /// <returns>The access, which is valid on the calling thread only.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's cache.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public LocalHeap GetLocal()
    {
        ThreadCache* cache = Cache;
        return new LocalHeap(_core, cache != ThreadCache.None ? cache : _core.Attach());
    }

    /// <summary>
    /// Takes a snapshot of the heap's statistics, which is exact if no other thread uses the heap meanwhile. The cost grows with the number of
    /// threads that use the heap, not with its memory, and the call does not wait long for other threads, so a monitor can call it often.
    /// </summary>
    /// <returns>The snapshot.</returns>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public HeapStatistics GetStatistics() => _core.Quiescence.Watch(_core, StatisticsCollector.Collect);

    /// <summary>
    /// Walks all metadata of the heap and checks that it is consistent and, with <see cref="HeapChecks.Full"/>, that no block has been written to past
    /// its end or after it was freed. No other thread may use the heap during the call. The manual side of a heap
    /// with traced memory is verified together with the traced memory.
    /// </summary>
    /// <exception cref="HeapCorruptionException">The metadata is inconsistent, or a block was overwritten; the message contains the facts.</exception>
    /// <exception cref="InvalidOperationException">
    /// This is the manual side of a heap with traced memory that is being marked. Or the caller is a trace function that <see cref="Verify"/> has
    /// called, or a trace function of another heap while another thread verifies this one.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Verify()
    {
        if (_core.Wing is { } wing)
        {
            wing.Verify();
            return;
        }

        _core.Quiescence.RequireNotQuietHere();
        _core.Quiescence.WhileQuiet(_core, HeapVerifier.Verify);
    }

    /// <summary>
    /// Finds the guarded blocks that the program holds, grouped by the call stack that allocated them, with the most bytes first. In a heap that
    /// guards all its blocks, these are the blocks that have not been freed.
    /// </summary>
    /// <returns>The groups; an empty list if the heap has no guarded blocks.</returns>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public IReadOnlyList<LiveBlockGroup> FindLiveBlocks() => _core.Quiescence.Watch<HeapCore, IReadOnlyList<LiveBlockGroup>>(_core, static core => core.Guard?.LiveBlocks() ?? []);

    /// <summary>
    /// Returns cached blocks, and gives free memory back to the system now instead of after the heap's delay. The caches of other threads are emptied
    /// as well if those threads are waiting in managed code (not on Windows); otherwise they stay as they are.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Trim() => _core.Trim();

    /// <summary>Returns the heap's name and its memory in one line, for people to read. It takes no lock, and may be called on a disposed heap.</summary>
    public override string ToString() => HeapFigures.Describe(_core);
}
