using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Spans;
using SpanHeap.Traced.Checks;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced;

/// <summary>
/// The time in which a thread may touch traced blocks: none is found dead while a scope is open. Blocks made in a scope are kept until it ends;
/// from then on, a block lives as long as a handle, a root array or another live block reaches it. With
/// <see cref="TracedHeapOptions.FreeAtScopeEnd"/>, blocks that nothing else reaches are freed at once.
/// </summary>
/// <remarks>
/// <para>
/// Get a scope from <see cref="TracedHeap.Enter"/>, in a <c>using</c>; it belongs to the thread that entered it. Entering and leaving take no lock
/// and no fence. Scopes may be nested. A collection waits for outermost scopes to end, and meanwhile threads that want to enter one wait for the
/// collection, for <see cref="TracedHeapOptions.ScopePatience"/> at a time at most. So keep scopes short, wait for nothing in them, and <see cref="Yield"/> in long ones.
/// </para>
/// <para>
/// A copy is the same scope. Ending a scope again does nothing, or throws with full checks; ending one ends those within it. With <see cref="HeapChecks.Full"/>, each use after
/// the end or on another thread throws an <see cref="InvalidOperationException"/>; without, it is undefined behaviour.
/// </para>
/// </remarks>
public readonly unsafe ref partial struct TracedScope
{
    private readonly TracedParts _heap;
    private readonly TracedCache* _cache;
    private readonly ulong _number;

    // The number of scopes that the thread had open, including this one.
    private readonly int _depth;

    internal TracedScope(TracedParts heap, TracedCache* cache)
    {
        _heap = heap;
        _cache = cache;
        _depth = cache->Depth;
        _number = cache->Scopes.At(_depth);
    }

    internal TracedParts Heap => _heap;

    internal TracedCache* Cache => _cache;

    /// <summary>Makes a block of a type, all zero.</summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The scope and all blocks are as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// The layout of <typeparamref name="T"/> was never made, or is one of arrays or of a larger type.
    /// </exception>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TracedRef<T> New<T>()
        where T : unmanaged, ITraced<T>
    {
        RequireOpen();
        nint block = TracedCache.TryTake(_cache, SpanClassOf<T>.Number);
        block = block != 0 ? block : NewSlow<T>();
        *(T*)block = default;
        return new TracedRef<T>(block);
    }

    /// <summary>Makes a handle that keeps a block alive beyond the scope.</summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <param name="block">A block of the scope's heap, or nothing for a handle that gets one later.</param>
    /// <returns>The handle, to be disposed when the block may die.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the handle.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is not a block of the heap.</exception>
    public TracedHandle<T> Keep<T>(TracedRef<T> block)
        where T : unmanaged
    {
        RequireReference(block.Address);
        _heap.BeforeNaming(block.Address);
        return new TracedHandle<T>(_heap, block.Address);
    }

    /// <summary>
    /// Gets a reference to nothing whose variable may be assigned blocks of this scope later: the first value of a local that is assigned in a
    /// loop. For <c>default</c> the compiler assumes that it outlives every scope, and then refuses the assignment.
    /// </summary>
    /// <typeparam name="T">The type of the blocks that it may refer to later.</typeparam>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    [UnscopedRef]
    public TracedRef<T> Null<T>()
        where T : unmanaged
    {
        RequireOpen();
        return default;
    }

    /// <summary>Gets the reference to a block whose address the program has kept where a trace function finds it. An address alone keeps no block.</summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <param name="address">The address of the block's first byte; 0 for nothing.</param>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="address"/> is not a block of the heap.</exception>
    [UnscopedRef]
    public TracedRef<T> At<T>(nint address)
        where T : unmanaged
    {
        RequireReference(address);
        _heap.BeforeNaming(address);
        return new TracedRef<T>(address);
    }

    /// <summary>
    /// Lets a collection happen, and runs it if it is due. All references of the scope become invalid, but the scope goes on. Blocks that it still
    /// needs must be reached by handles or root arrays. With <see cref="TracedHeapOptions.FreeAtScopeEnd"/>, it frees what the end of the scope would free.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The thread has other scopes open, whose references must stay valid. Nothing has changed.
    /// </exception>
    /// <exception cref="OutOfMemoryException">There is no memory to go on. The scope has ended; disposing it does nothing.</exception>
    /// <remarks>
    /// Any other exception, from a trace function or a handler of <see cref="TracedHeap.CollectionHeldUp"/>, ends the scope as well.
    /// </remarks>
    public void Yield()
    {
        RequireOpen();
        _heap.Entry.Yield(_cache, _number);
    }

    /// <summary>Ends the scope and the scopes entered within it. After a <see cref="Yield"/> that threw, it does nothing.</summary>
    /// <exception cref="InvalidOperationException">With full checks: the scope has already ended or belongs to another thread.</exception>
    public void Dispose()
    {
        if (_heap.IsChecked && !_heap.ScopeChecks.IsOverByYield(_cache, _number))
        {
            RequireOpen();
        }

        if (_cache->Scopes.At(_depth) == _number)
        {
            if (_depth == 1 && _cache->Nursery.IsUsed)
            {
                _heap.Entry.LeaveNursery(_cache);
            }

            Gate.Exit(_cache, _depth);
        }
    }

    // With full checks: throws unless the scope is open and the calling thread's.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireOpen()
    {
        if (_heap.IsChecked)
        {
            _heap.ScopeChecks.RequireOpen(_cache, _number, _depth);
        }
    }

    // With full checks: as above, and throws unless the collection that is used with the scope lies in its heap.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireOpenFor<T>(scoped ref readonly T collection)
        where T : unmanaged
    {
        if (_heap.IsChecked)
        {
            _heap.ScopeChecks.RequireOpen(_cache, _number, _depth);
            RequireOwn(in collection);
        }
    }

    // A collection that is about to refer to blocks of the scope's heap must lie in that heap.
    internal void RequireOwn<T>(scoped ref readonly T collection)
        where T : unmanaged => _heap.ScopeChecks.RequireOwn((nint)Unsafe.AsPointer(ref Unsafe.AsRef(in collection)), "collection");

    // With full checks: throws unless an address is a reference that may be used here.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireReference(nint address)
    {
        if (_heap.IsChecked)
        {
            _heap.ScopeChecks.RequireOpen(_cache, _number, _depth);
            _heap.ScopeChecks.RequireBlock(address);
        }
    }

    // Of each store into a field of a block. Where the heap wants to know of stores, it is told before they are made.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void BeforeStore(scoped ref nint field, nint value)
    {
        StoreAttention attention = _heap.Attention;
        if (attention.IsNone)
        {
            return;
        }

        // A field in a block does not move. Of a field elsewhere, the address only chooses a card, or shows that it is elsewhere.
        nint address = (nint)Unsafe.AsPointer(ref field);
        if (attention.IsEscapesAlone)
        {
            StoreAttention.NoteEscape(address, value);
        }
        else if (attention.IsBarrier)
        {
            _heap.Barrier.Before(_cache, _number, _depth, ref field, value);
        }
        else
        {
            attention.Note(address, value);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint NewSlow<T>()
        where T : unmanaged, ITraced<T>
    {
        uint spanClass = SpanClassOf<T>.Number;
        if (spanClass == SpanClasses.None)
        {
            spanClass = SpanClassOf<T>.FindAgain();
        }

        return sizeof(T) <= SizeClasses.MaxSharedSize ? _heap.Allocator.Allocate(_cache, spanClass) : _heap.Allocator.AllocateLarge(_cache, spanClass, (nuint)sizeof(T));
    }
}
