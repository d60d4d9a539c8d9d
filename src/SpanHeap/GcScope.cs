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
/// Of the thread that entered it. May be nested; collections wait for the outermost. Entering and leaving are a store and a few loads.
/// </remarks>
internal readonly unsafe ref struct GcScope
{
    private readonly TracedHeap _heap;
    private readonly TracedCache* _cache;
    private readonly ulong _epoch;

    internal GcScope(TracedHeap heap, TracedCache* cache)
    {
        _heap = heap;
        _cache = cache;
        _epoch = cache->Epoch;
    }

    internal TracedHeap Heap => _heap;

    internal TracedCache* Cache => _cache;

    /// <summary>Makes a block, all zero.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
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

    /// <summary>Makes an array of references, all to nothing.</summary>
    /// <typeparam name="T">What they refer to.</typeparam>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit, or the array is larger than an arena holds.</exception>
    public GcRef<TracedArray<T>> NewArray<T>(long length)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        RequireOpen();
        long bytes = length <= long.MaxValue / sizeof(nint) / 2 ? TracedKind.ArrayHeaderBytes + (length * sizeof(nint)) : long.MaxValue;
        nint block = NewBytes(TracedLayout.References.Number, bytes);
        TracedArray<T>.SetLength(block, length);
        return new GcRef<TracedArray<T>>(block);
    }

    /// <summary>Keeps a block alive beyond the scope.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <returns>A handle, to be disposed when the block may go.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the handle.</exception>
    public GcHandle<T> Keep<T>(GcRef<T> block)
        where T : unmanaged
    {
        RequireOpen();
        RequireBlock(block.Address);
        return new GcHandle<T>(_heap, block.Address);
    }

    /// <summary>Ends the scope and begins it anew, so that a collection can pass between: all its references end.</summary>
    /// <exception cref="InvalidOperationException">It is not the outermost scope of its thread.</exception>
    public GcScope Yield()
    {
        RequireOpen();
        if (_cache->Depth != 1)
        {
            throw new InvalidOperationException("Only the outermost scope of a thread can yield: the others' references must stay good.");
        }

        Gate.Exit(_cache);
        return new GcScope(_heap, _heap.Enter());
    }

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        RequireOpen();
        Gate.Exit(_cache);
    }

    // With full checks: whether it is still the scope that it was made for.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireOpen()
    {
        if (_heap.IsChecked)
        {
            _heap.RequireOpen(_cache, _epoch);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireBlock(nint address)
    {
        if (_heap.IsChecked)
        {
            _heap.RequireBlock(address);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint NewSlow<T>()
        where T : unmanaged, ITraced<T> =>
        sizeof(T) <= SizeClasses.MaxSharedSize
            ? _heap.Allocate(_cache, KindOf<T>.Kind)
            : _heap.AllocateLarge(_cache, KindOf<T>.Kind, (nuint)sizeof(T));

    // A zeroed block of any size.
    internal nint NewBytes(int layout, long bytes)
    {
        uint sizeClass = TracedKinds.ClassFor(bytes);
        uint kind = TracedKinds.Of(layout, sizeClass);
        if (sizeClass == SizeClasses.None)
        {
            return _heap.AllocateLarge(_cache, kind, (nuint)bytes);
        }

        nint block = TracedCache.TryTake(_cache, kind);
        block = block != 0 ? block : _heap.Allocate(_cache, kind);
        new Span<byte>((void*)block, (int)SizeClasses.Info(sizeClass).Size).Clear();
        return block;
    }

    // A number that the JIT knows as a constant.
    private static class KindOf<T>
        where T : unmanaged, ITraced<T>
    {
        public static readonly uint Kind = TracedKinds.OfType(T.Layout.Number, sizeof(T), typeof(T).Name);
    }
}
