using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Layouts;
using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>
/// The time in which a thread may touch traced blocks: no collection happens while one is open. Blocks made in it are kept till it ends;
/// from then on those live that handles, root arrays or other live blocks reach.
/// </summary>
/// <remarks>
/// <para>
/// Of the thread that entered it; get it from <see cref="NativeHeap.Enter"/>, in a <c>using</c>. Entering and leaving take no lock and
/// no fence. May be nested; collections wait for the outermost, and who wants to enter a first scope meanwhile waits, too: so keep
/// scopes short, wait for nothing in them, and <see cref="Yield"/> in long ones.
/// </para>
/// <para>
/// A copy is the same scope. Ending it again does nothing, ending one ends those within it. With <see cref="HeapChecks.Full"/> each use
/// after the end, or on another thread, is an <see cref="InvalidOperationException"/>; without, it is undefined behaviour.
/// </para>
/// </remarks>
public readonly unsafe ref partial struct GcScope
{
    private readonly TracedHeap _heap;
    private readonly TracedCache* _cache;
    private readonly ulong _number;

    // How many scopes the thread had open with this one.
    private readonly int _depth;

    internal GcScope(TracedHeap heap, TracedCache* cache)
    {
        _heap = heap;
        _cache = cache;
        _depth = cache->Depth;
        _number = cache->Scopes.At(_depth);
    }

    internal TracedHeap Heap => _heap;

    internal TracedCache* Cache => _cache;

    /// <summary>Makes a block, all zero.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit; the scope and all blocks are as before.</exception>
    /// <exception cref="InvalidOperationException">The layout of <typeparamref name="T"/> is none, one of arrays, or of a larger type.</exception>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GcRef<T> New<T>()
        where T : unmanaged, ITraced<T>
    {
        RequireOpen();
        nint block = TracedCache.TryTake(_cache, KindOf<T>.Kind);
        block = block != 0 ? block : NewSlow<T>();
        *(T*)block = default;
        return new GcRef<T>(block);
    }

    /// <summary>Keeps a block alive beyond the scope.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="block">A block of the scope's heap; or nothing, for a handle that gets one later.</param>
    /// <returns>A handle, to be disposed when the block may go.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the handle.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is no block of the heap.</exception>
    public GcHandle<T> Keep<T>(GcRef<T> block)
        where T : unmanaged
    {
        RequireReference(block.Address);
        return new GcHandle<T>(_heap, block.Address);
    }

    /// <summary>
    /// A reference to nothing that may be given blocks of this scope later: the first value of a local that is assigned in a loop. Of
    /// <c>default</c> the compiler assumes that it outlives every scope, and then refuses the assignment.
    /// </summary>
    /// <typeparam name="T">What it may refer to later.</typeparam>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    [UnscopedRef]
    public GcRef<T> Null<T>()
        where T : unmanaged
    {
        RequireOpen();
        return default;
    }

    /// <summary>The reference to a block whose address the program has kept in a way of its own, where a trace function finds it.</summary>
    /// <typeparam name="T">What the block is.</typeparam>
    /// <param name="address">The block's first byte; 0 for nothing.</param>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="address"/> is no block of the heap.</exception>
    [UnscopedRef]
    public GcRef<T> At<T>(nint address)
        where T : unmanaged
    {
        RequireReference(address);
        return new GcRef<T>(address);
    }

    /// <summary>
    /// Lets a collection pass, and runs it if it is due: all references of the scope end, the scope itself goes on. What it still needs
    /// must be in handles, root arrays or blocks that they reach.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The scope is not the only one that the thread has open: references of the others must stay good. Nothing has changed.
    /// </exception>
    /// <exception cref="OutOfMemoryException">There is no memory to go on. The scope is over; disposing it does nothing.</exception>
    /// <remarks>Whatever else is thrown, by a trace function or a handler of <see cref="NativeHeap.CollectionHeldUp"/>, ends the scope as well.</remarks>
    public void Yield()
    {
        RequireOpen();
        _heap.Yield(_cache, _number);
    }

    /// <summary>Ends the scope, and those entered within it. Nothing, after a <see cref="Yield"/> that threw.</summary>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended before, or is another thread's.</exception>
    public void Dispose()
    {
        if (_heap.IsChecked && !_heap.IsOverByYield(_cache, _number))
        {
            RequireOpen();
        }

        if (_cache->Scopes.At(_depth) == _number)
        {
            Gate.Exit(_cache, _depth);
        }
    }

    // With full checks: whether it is still the scope that it was made for.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireOpen()
    {
        if (_heap.IsChecked)
        {
            _heap.RequireOpen(_cache, _number, _depth);
        }
    }

    // With full checks: the same, and whether a collection that is used with it lies in its heap.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireOpenFor<T>(scoped ref readonly T collection)
        where T : unmanaged
    {
        if (_heap.IsChecked)
        {
            _heap.RequireOpen(_cache, _number, _depth);
            RequireOwn(in collection);
        }
    }

    // A collection that is about to have blocks of the scope's heap must lie in that heap.
    internal void RequireOwn<T>(scoped ref readonly T collection)
        where T : unmanaged => _heap.RequireOwn((nint)Unsafe.AsPointer(ref Unsafe.AsRef(in collection)), "collection");

    // With full checks: whether an address may be a reference here.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireReference(nint address)
    {
        if (_heap.IsChecked)
        {
            _heap.RequireOpen(_cache, _number, _depth);
            _heap.RequireBlock(address);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint NewSlow<T>()
        where T : unmanaged, ITraced<T>
    {
        uint kind = KindOf<T>.Kind;
        if (kind == TracedKinds.None)
        {
            kind = KindOf<T>.FindAgain();
        }

        return sizeof(T) <= SizeClasses.MaxSharedSize ? _heap.Allocate(_cache, kind) : _heap.AllocateLarge(_cache, kind, (nuint)sizeof(T));
    }

    // A number that the JIT knows as a constant. None for a layout that is refused: who asks for a slot of that kind comes to the slow
    // path, whose exception is the right one; here it would be one about a type initializer.
    private static class KindOf<T>
        where T : unmanaged, ITraced<T>
    {
        public static readonly uint Kind = Find();

        /// <summary>What went wrong, or a kind after all.</summary>
        /// <exception cref="InvalidOperationException">The layout is refused, or could not be registered.</exception>
        public static uint FindAgain()
        {
            int layout;
            try
            {
                layout = T.Layout.Number;
            }
            catch (TypeInitializationException failure) when (failure.InnerException is InvalidOperationException reason)
            {
                throw new InvalidOperationException($"{typeof(T).Name} has no layout: {reason.Message}", failure);
            }

            return TracedKinds.OfType(layout, sizeof(T), typeof(T).Name);
        }

        [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It comes again where it can be seen.")]
        private static uint Find()
        {
            try
            {
                return TracedKinds.OfType(T.Layout.Number, sizeof(T), typeof(T).Name);
            }
            catch (Exception)
            {
                return TracedKinds.None;
            }
        }
    }
}
