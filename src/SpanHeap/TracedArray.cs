using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SpanHeap;

/// <summary>A traced array of references: what a <see cref="GcRef{T}"/> or a <see cref="Gc{T}"/> of it refers to. Never made or copied as a value.</summary>
/// <typeparam name="T">What the elements refer to.</typeparam>
public struct TracedArray<T>
    where T : unmanaged
{
    // The elements follow in memory.
    private long _length;

    /// <summary>How many elements it has.</summary>
    public readonly long Length => _length;

    /// <summary>An element, to read or write in a scope.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <exception cref="IndexOutOfRangeException">There is no such element.</exception>
    [UnscopedRef]
    public ref Gc<T> this[long index]
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

    /// <summary>Copies references to another array, or to another place of this one, which may overlap.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="start">The first that is copied, from 0.</param>
    /// <param name="destination">The array that they are copied to, of the same heap.</param>
    /// <param name="destinationStart">Where in it, from 0.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not all there, or have no room there. Nothing has changed.</exception>
    /// <exception cref="NullReferenceException"><paramref name="destination"/> refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    /// <remarks>Each reference is copied as <see cref="Gc{T}.Set"/> does it; a thread that reads meanwhile finds some copied and some not.</remarks>
    public void CopyTo(scoped in GcScope scope, long start, GcRef<TracedArray<T>> destination, long destinationStart, long length)
    {
        scope.RequireOpen();
        RequirePart(start, length);
        destination.Value.RequirePart(destinationStart, length);
        ReferenceRange.Copy(scope, ref Part(start), ref destination.Value.Part(destinationStart), length);
    }

    /// <summary>Makes some elements refer to one block, or to nothing.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">A block of the scope's heap, which is the array's, too; or nothing.</param>
    /// <param name="start">The first, from 0.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not all there. Nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    public void Fill(scoped in GcScope scope, GcRef<T> value, long start, long length)
    {
        scope.RequireReference(value.Address);
        RequirePart(start, length);
        ReferenceRange.Fill(scope, ref Part(start), value, length);
    }

    /// <summary>Makes all elements refer to one block, or to nothing.</summary>
    /// <inheritdoc cref="Fill(in GcScope, GcRef{T}, long, long)"/>
    public void Fill(scoped in GcScope scope, GcRef<T> value) => Fill(scope, value, 0, _length);

    /// <summary>Makes some elements refer to nothing.</summary>
    /// <inheritdoc cref="Fill(in GcScope, GcRef{T}, long, long)"/>
    public void Clear(scoped in GcScope scope, long start, long length) => Fill(scope, default, start, length);

    /// <summary>Makes all elements refer to nothing.</summary>
    /// <inheritdoc cref="Fill(in GcScope, GcRef{T}, long, long)"/>
    public void Clear(scoped in GcScope scope) => Fill(scope, default, 0, _length);

    // Behind the last for a part of none.
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Gc<T> Part(long start) => ref Unsafe.Add(ref Unsafe.As<long, Gc<T>>(ref Unsafe.Add(ref _length, 1)), (nint)start);

    private readonly void RequirePart(long start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _length - length);
    }
}
