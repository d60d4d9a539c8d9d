using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SpanHeap;

/// <summary>
/// A traced array of structs that lie side by side: what a <see cref="GcRef{T}"/> or a <see cref="Gc{T}"/> of it refers to. Never made or
/// copied as a value.
/// </summary>
/// <typeparam name="T">What the elements are.</typeparam>
/// <remarks>Made by <see cref="GcScope.NewElements{T}"/>. An element is part of the array's block, and no block that could be referred to.</remarks>
public struct TracedElements<T>
    where T : unmanaged, ITraced<T>
{
    // The elements follow in memory.
    private long _length;

    /// <summary>How many elements it has.</summary>
    public readonly long Length => _length;

    /// <summary>An element, to read or write in a scope. Fields of type <see cref="Gc{U}"/> are changed by their own methods only.</summary>
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

            return ref Unsafe.Add(ref Unsafe.As<long, T>(ref Unsafe.Add(ref _length, 1)), (nint)index);
        }
    }
}
