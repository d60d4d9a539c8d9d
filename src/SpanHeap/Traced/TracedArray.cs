using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Contract;

namespace SpanHeap.Traced;

/// <summary>
/// A traced array of references. It is only used through a <see cref="TracedRef{T}"/> or a <see cref="Traced{T}"/>, and never made or copied by
/// value.
/// </summary>
/// <typeparam name="T">The type of the blocks that the elements refer to.</typeparam>
public struct TracedArray<T>
    where T : unmanaged
{
    // The elements follow in memory.
    private long _length;

    /// <summary>Gets the number of elements in the array.</summary>
    public readonly long Length => _length;

    /// <summary>Gets a reference to an element, to read or write it within a scope.</summary>
    /// <param name="index">The zero-based index of the element.</param>
    /// <exception cref="IndexOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    [UnscopedRef]
    public ref Traced<T> this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((ulong)index >= (ulong)_length)
            {
                ThrowHelper.IndexOutOfRange(index, _length);
            }

            return ref Part(index);
        }
    }

    /// <summary>Copies elements to another array, or within this one; the two ranges may overlap.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="start">The zero-based index of the first element to copy.</param>
    /// <param name="destination">The array to copy to, of the same heap.</param>
    /// <param name="destinationStart">The zero-based index in <paramref name="destination"/> at which copying begins.</param>
    /// <param name="length">The number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">A range does not lie within its array. Nothing has changed.</exception>
    /// <exception cref="NullReferenceException"><paramref name="destination"/> refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    /// <remarks>
    /// Each reference is stored as by <see cref="Traced{T}.Set"/>; a thread that reads meanwhile may find some copied and others not.
    /// </remarks>
    public void CopyTo(scoped in TracedScope scope, long start, TracedRef<TracedArray<T>> destination, long destinationStart, long length)
    {
        scope.RequireOpen();
        RequirePart(start, length);
        destination.Value.RequirePart(destinationStart, length);
        ReferenceRange.Copy(scope, ref Part(start), ref destination.Value.Part(destinationStart), length);
    }

    /// <summary>Makes the elements of a range refer to one block, or to nothing.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">A block of the heap that the scope and the array belong to, or nothing.</param>
    /// <param name="start">The zero-based index of the first element.</param>
    /// <param name="length">The number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the elements. Nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    public void Fill(scoped in TracedScope scope, TracedRef<T> value, long start, long length)
    {
        scope.RequireReference(value.Address);
        RequirePart(start, length);
        ReferenceRange.Fill(scope, ref Part(start), value, length);
    }

    /// <summary>Makes all elements refer to one block, or to nothing.</summary>
    /// <inheritdoc cref="Fill(in TracedScope, TracedRef{T}, long, long)"/>
    public void Fill(scoped in TracedScope scope, TracedRef<T> value) => Fill(scope, value, 0, _length);

    /// <summary>Makes the elements of a range refer to nothing.</summary>
    /// <inheritdoc cref="Fill(in TracedScope, TracedRef{T}, long, long)"/>
    public void Clear(scoped in TracedScope scope, long start, long length) => Fill(scope, default, start, length);

    /// <summary>Makes all elements refer to nothing.</summary>
    /// <inheritdoc cref="Fill(in TracedScope, TracedRef{T}, long, long)"/>
    public void Clear(scoped in TracedScope scope) => Fill(scope, default, 0, _length);

    // For an empty part this may be one past the last element.
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Traced<T> Part(long start) => ref Unsafe.Add(ref Unsafe.As<long, Traced<T>>(ref Unsafe.Add(ref _length, 1)), (nint)start);

    private readonly void RequirePart(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _length - length);
    }
}
