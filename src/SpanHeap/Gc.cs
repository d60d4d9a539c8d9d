using System.Runtime.CompilerServices;

namespace SpanHeap;

/// <summary>A field of a traced type that refers to a traced block, or to nothing. Read and written in a scope.</summary>
/// <typeparam name="T">What it refers to; <see cref="byte"/> for blocks that have no type.</typeparam>
/// <remarks>
/// Never copied as bytes: a write is a release store, so that who reads it sees the block as it was made. Zero refers to nothing. Threads
/// may read and write the same field, each in its scope: a reader gets what was there before or after.
/// </remarks>
public struct Gc<T>
    where T : unmanaged
{
    internal nint Address;

    /// <summary>Whether it refers to nothing.</summary>
    public readonly bool IsNull => Address == 0;

    /// <summary>What it refers to.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly GcRef<T> Get(in GcScope scope)
    {
        scope.RequireOpen();
        return new GcRef<T>(Volatile.Read(in Address));
    }

    /// <summary>Makes it refer to a block, or to nothing.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">A block of the scope's heap, which is the field's, too.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(scoped in GcScope scope, GcRef<T> value)
    {
        scope.RequireReference(value.Address);
        Volatile.Write(ref Address, value.Address);
    }
}
