using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap;

/// <summary>A traced array of values without references: what a <see cref="GcRef{T}"/> or a <see cref="Gc{T}"/> of it refers to. Never made or copied as a value.</summary>
/// <typeparam name="T">What the elements are.</typeparam>
/// <remarks>Collections do not look into it. Made by <see cref="GcScope.NewValues{T}"/>. The first element lies 8 bytes from the block's start.</remarks>
public struct TracedValues<T>
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

    /// <summary>All elements: good until the scope ends, or yields.</summary>
    /// <exception cref="OverflowException">There are more than a span can have: <see cref="AsSpan(long, int)"/> gives a part.</exception>
    [UnscopedRef]
    public Span<T> AsSpan() => MemoryMarshal.CreateSpan(ref First, checked((int)_length));

    /// <summary>Some of the elements: good until the scope ends, or yields.</summary>
    /// <param name="start">The first, from 0.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not all there.</exception>
    [UnscopedRef]
    public Span<T> AsSpan(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _length - length);
        return MemoryMarshal.CreateSpan(ref Unsafe.Add(ref First, (nint)start), length);
    }
}
