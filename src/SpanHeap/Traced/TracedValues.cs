using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Contract;

namespace SpanHeap.Traced;

/// <summary>
/// A traced array of values without references. It is only used through a <see cref="TracedRef{T}"/> or a <see cref="Traced{T}"/>, and never made
/// or copied by value.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <remarks>
/// Made by <see cref="TracedScope.NewValues{T}"/>. Collections do not look into it. The first element lies 8 bytes from the block's start.
/// </remarks>
public struct TracedValues<T>
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
    public ref T this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((ulong)index >= (ulong)_length)
            {
                ThrowHelper.IndexOutOfRange(index, _length);
            }

            return ref Unsafe.Add(ref First, (nint)index);
        }
    }

    private ref T First
    {
        [UnscopedRef]
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref Unsafe.As<long, T>(ref Unsafe.Add(ref _length, 1));
    }

    /// <summary>Gets all elements as a span, which is valid until the scope ends or yields.</summary>
    /// <exception cref="OverflowException">There are more elements than a span can have: <see cref="AsSpan(long, int)"/> gives a part.</exception>
    [UnscopedRef]
    public Span<T> AsSpan() => MemoryMarshal.CreateSpan(ref First, checked((int)_length));

    /// <summary>Gets some of the elements as a span, which is valid until the scope ends or yields.</summary>
    /// <param name="start">The zero-based index of the first element.</param>
    /// <param name="length">The number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the elements.</exception>
    [UnscopedRef]
    public Span<T> AsSpan(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _length - length);
        return MemoryMarshal.CreateSpan(ref Unsafe.Add(ref First, (nint)start), length);
    }
}
