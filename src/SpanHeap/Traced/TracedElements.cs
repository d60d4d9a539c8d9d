using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Contract;

namespace SpanHeap.Traced;

/// <summary>
/// A traced array of structs that lie side by side. It is only used through a <see cref="TracedRef{T}"/> or a <see cref="Traced{T}"/>, and never
/// made or copied by value.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <remarks>Made by <see cref="TracedScope.NewElements{T}"/>. An element is part of the array's block, so nothing can refer to it alone.</remarks>
public struct TracedElements<T>
    where T : unmanaged, ITraced<T>
{
    // The elements follow in memory.
    private long _length;

    /// <summary>Gets the number of elements in the array.</summary>
    public readonly long Length => _length;

    /// <summary>
    /// Gets a reference to an element, to read or write it within a scope. Change fields of type <see cref="Traced{U}"/> only by their own methods.
    /// </summary>
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

            return ref Unsafe.Add(ref Unsafe.As<long, T>(ref Unsafe.Add(ref _length, 1)), (nint)index);
        }
    }
}
