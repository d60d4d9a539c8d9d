using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced;

/// <content>Makes arrays, and blocks whose size and layout are known at run time.</content>
public readonly unsafe ref partial struct TracedScope
{
    /// <summary>Makes an array of references, which all refer to nothing.</summary>
    /// <typeparam name="T">The type of the blocks that the elements refer to.</typeparam>
    /// <param name="length">The number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="OutOfMemoryException">
    /// There is no memory, the heap is at its limit, or the array is larger than fits in an arena: about 60 MiB, 3 MiB on Windows. Nothing has
    /// changed.
    /// </exception>
    [UnscopedRef]
    public TracedRef<TracedArray<T>> NewArray<T>(long length)
        where T : unmanaged => new(NewArray(TracedLayout.References.Number, length, sizeof(nint)));

    /// <summary>Makes an array of values without references, all zero.</summary>
    /// <typeparam name="T">The type of the elements: any type without a <see cref="Traced{U}"/> in it.</typeparam>
    /// <param name="length">The number of elements.</param>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> has references, which no collection would find.</exception>
    [UnscopedRef]
    public TracedRef<TracedValues<T>> NewValues<T>(long length)
        where T : unmanaged
    {
        ReferenceSearch.RequireNone<T>();
        return new(NewArray(TracedLayout.NoPointers.Number, length, sizeof(T)));
    }

    /// <summary>Makes an array of traced structs that lie side by side, all zero.</summary>
    /// <typeparam name="T">The type of the elements; its layout is one of fields, or without references.</typeparam>
    /// <param name="length">The number of elements.</param>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="InvalidOperationException">
    /// The layout of <typeparamref name="T"/> was never made, or is one of arrays, custom, or of a larger type.
    /// </exception>
    [UnscopedRef]
    public TracedRef<TracedElements<T>> NewElements<T>(long length)
        where T : unmanaged, ITraced<T>
    {
        int layout = ElementsOf<T>.Layout;
        layout = layout != ElementsOf<T>.NotYet ? layout : ElementsOf<T>.Make();
        return new(NewArray(layout, length, sizeof(T)));
    }

    /// <summary>Makes an array, all zero, whose elements have a layout known at run time: for programs that implement a language.</summary>
    /// <param name="layout">The layout of the array, made by <see cref="TracedLayout.OfElements"/>.</param>
    /// <param name="length">The number of elements.</param>
    /// <returns>The array: its length as a <see cref="long"/>, then its elements.</returns>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="ArgumentException">
    /// <paramref name="layout"/> was not made by <see cref="TracedLayout.OfElements"/> for elements with references.
    /// </exception>
    /// <remarks>
    /// A reference is stored through a pointer to its place, as by <c>((Traced&lt;Node&gt;*)(array.Address + offset))-&gt;Set(in scope, node)</c>, and never
    /// as a number.
    /// </remarks>
    [UnscopedRef]
    public TracedRef<byte> NewElements(TracedLayout layout, long length) =>
        new(NewArray(layout.Number, length, SpanClasses.ElementBytesOf(layout.Number)));

    /// <summary>Makes a block, all zero, of a layout and a size known at run time: for programs that implement a language.</summary>
    /// <param name="layout">The layout of the block: not one of arrays, whose blocks begin with a length.</param>
    /// <param name="byteCount">The size of the block in bytes, which may be 0.</param>
    /// <returns>
    /// The untyped block: see <see cref="TracedRef{T}.As{U}"/> and <see cref="TracedRef{T}.Address"/>. It begins at a multiple of 16 bytes.
    /// </returns>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="byteCount"/> is negative, or less than the layout's references need.</exception>
    /// <exception cref="ArgumentException"><paramref name="layout"/> was never made, or is one of arrays.</exception>
    /// <remarks>
    /// A reference whose place the layout names is stored through a pointer to it, as by
    /// <c>((Traced&lt;Node&gt;*)(block.Address + offset))-&gt;Set(in scope, node)</c>, and never as a number. What a trace function finds is stored as it likes.
    /// </remarks>
    [UnscopedRef]
    public TracedRef<byte> NewBytes(TracedLayout layout, long byteCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        RequireOpen();
        SpanClasses.RequireSingle(layout.Number, byteCount);
        return new TracedRef<byte>(NewBlock(layout.Number, byteCount));
    }

    /// <summary>
    /// Makes a block without references, all zero, that lives until a <see cref="MarkSession"/> does not mark it: for stores that track themselves
    /// which of their blocks live. Other collections keep it even if nothing refers to it.
    /// </summary>
    /// <param name="byteCount">The size of the block in bytes, which may be 0.</param>
    /// <returns>The block; its <see cref="TracedRef{T}.Address"/> stays valid after the scope.</returns>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="byteCount"/> is negative.</exception>
    [UnscopedRef]
    public TracedRef<byte> NewCollectable(long byteCount) => NewBytes(TracedLayout.Collectable, byteCount);

    private nint NewArray(int layout, long length, int elementBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        RequireOpen();

        // A size that would overflow is larger than any arena, and is refused as such.
        nint block = NewBlock(layout, length <= long.MaxValue / 2 / elementBytes ? SpanClassInfo.ArrayHeaderBytes + (length * elementBytes) : long.MaxValue);
        *(long*)block = length;
        return block;
    }

    // A zeroed block of any size.
    internal nint NewBlock(int layout, long bytes)
    {
        uint sizeClass = SpanClasses.ClassFor(bytes);
        uint spanClass = SpanClasses.Of(layout, sizeClass);
        if (sizeClass == SizeClasses.None)
        {
            return _heap.Allocator.AllocateLarge(_cache, spanClass, (nuint)bytes);
        }

        nint block = TracedCache.TryTake(_cache, spanClass);
        block = block != 0 ? block : _heap.Allocator.Allocate(_cache, spanClass);
        new Span<byte>((void*)block, (int)SizeClasses.Info(sizeClass).Size).Clear();
        return block;
    }
}
