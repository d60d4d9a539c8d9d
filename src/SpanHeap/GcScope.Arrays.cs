using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Layouts;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap;

/// <summary>Making arrays, and blocks whose size and layout are known at run time.</summary>
public readonly unsafe ref partial struct GcScope
{
    /// <summary>Makes an array of references, all to nothing.</summary>
    /// <typeparam name="T">What they refer to.</typeparam>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="OutOfMemoryException">
    /// There is no memory, or the heap is at its limit, or the array is larger than an arena holds: some 60 MiB, on Windows 3. Nothing has changed.
    /// </exception>
    [UnscopedRef]
    public GcRef<TracedArray<T>> NewArray<T>(long length)
        where T : unmanaged => new(NewArray(TracedLayout.References.Number, length, sizeof(nint)));

    /// <summary>Makes an array of values without references, all zero.</summary>
    /// <typeparam name="T">What they are: anything without a <see cref="Gc{U}"/> in it.</typeparam>
    /// <param name="length">How many.</param>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> has references, which nobody would find.</exception>
    [UnscopedRef]
    public GcRef<TracedValues<T>> NewValues<T>(long length)
        where T : unmanaged
    {
        ReferenceSearch.RequireNone<T>();
        return new(NewArray(TracedLayout.NoPointers.Number, length, sizeof(T)));
    }

    /// <summary>Makes an array of traced structs that lie in it side by side, all zero.</summary>
    /// <typeparam name="T">What they are; its layout is one of fields, or without references.</typeparam>
    /// <param name="length">How many.</param>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="InvalidOperationException">The layout of <typeparamref name="T"/> is none, one of arrays, custom, or of a larger type.</exception>
    [UnscopedRef]
    public GcRef<TracedElements<T>> NewElements<T>(long length)
        where T : unmanaged, ITraced<T>
    {
        int layout = ElementsOf<T>.Layout;
        layout = layout != ElementsOf<T>.NotYet ? layout : ElementsOf<T>.Make();
        return new(NewArray(layout, length, sizeof(T)));
    }

    /// <summary>Makes an array whose elements have a layout known at run time, all zero: for who implements a language.</summary>
    /// <param name="layout">Its layout, of <see cref="TracedLayout.OfElements"/>.</param>
    /// <param name="length">How many elements.</param>
    /// <returns>The array: its length, a <see cref="long"/>, then its elements.</returns>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="ArgumentException"><paramref name="layout"/> is none of elements with references.</exception>
    [UnscopedRef]
    public GcRef<byte> NewElements(TracedLayout layout, long length) =>
        new(NewArray(layout.Number, length, TracedKinds.ElementBytesOf(layout.Number)));

    /// <summary>Makes a block of a layout and a size known at run time, all zero: for who implements a language.</summary>
    /// <param name="layout">Its layout: not one of arrays, whose blocks begin with a length.</param>
    /// <param name="byteCount">Its size in bytes; 0 makes a block, too.</param>
    /// <returns>The block, which has no type: see <see cref="GcRef{T}.As{U}"/> and <see cref="GcRef{T}.Address"/>. It begins at a multiple of 16.</returns>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="byteCount"/> is negative, or less than the layout's references need.</exception>
    /// <exception cref="ArgumentException"><paramref name="layout"/> was never made, or is one of arrays.</exception>
    [UnscopedRef]
    public GcRef<byte> NewBytes(TracedLayout layout, long byteCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        RequireOpen();
        TracedKinds.RequireSingle(layout.Number, byteCount);
        return new GcRef<byte>(NewBlock(layout.Number, byteCount));
    }

    /// <summary>
    /// Makes a block without references, all zero, that lives until a <see cref="MarkSession"/> does not mark it: for stores that know
    /// themselves which of their blocks live. Collections that come as the heap grows keep it, though nothing refers to it.
    /// </summary>
    /// <param name="byteCount">Its size in bytes; 0 makes a block, too.</param>
    /// <returns>The block; its <see cref="GcRef{T}.Address"/> stays good after the scope.</returns>
    /// <inheritdoc cref="NewArray{T}" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="byteCount"/> is negative.</exception>
    [UnscopedRef]
    public GcRef<byte> NewCollectable(long byteCount) => NewBytes(TracedLayout.Collectable, byteCount);

    private nint NewArray(int layout, long length, int elementBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        RequireOpen();

        // What would overflow is larger than any arena, and refused as such.
        nint block = NewBlock(layout, length <= long.MaxValue / 2 / elementBytes ? TracedKind.ArrayHeaderBytes + (length * elementBytes) : long.MaxValue);
        *(long*)block = length;
        return block;
    }

    // A zeroed block of any size.
    internal nint NewBlock(int layout, long bytes)
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

    // The layout of arrays of a type, once it is known.
    private static class ElementsOf<T>
        where T : unmanaged, ITraced<T>
    {
        public const int NotYet = -1;

        // Written by whoever asks first, and whoever asks at the same time: all find the same.
        public static int Layout = NotYet;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public static int Make()
        {
            Layout = TracedKinds.AddElementsOf(T.Layout.Number, sizeof(T), typeof(T).Name);
            return Layout;
        }
    }
}
