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

            return ref Unsafe.Add(ref Unsafe.As<long, Gc<T>>(ref Unsafe.Add(ref _length, 1)), (nint)index);
        }
    }
}
