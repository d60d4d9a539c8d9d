using System.Runtime.CompilerServices;

namespace SpanHeap.Traced;

/// <summary>A field of a traced type that refers to a traced block, or to nothing. It is read and written within a scope.</summary>
/// <typeparam name="T">The type of the referenced block; <see cref="byte"/> for an untyped block.</typeparam>
/// <remarks>
/// It must not be copied as bytes: a write is a release store, so that any thread that reads the field sees the block as it was made. Zero refers
/// to nothing. Threads may read and write the same field, each in its own scope: a reader gets the reference from before or after the write.
/// </remarks>
public struct Traced<T>
    where T : unmanaged
{
    internal nint Address;

    /// <summary>Gets whether the field refers to nothing.</summary>
    public readonly bool IsNull => Address == 0;

    /// <summary>Gets what the field refers to.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TracedRef<T> Get(in TracedScope scope)
    {
        scope.RequireOpen();
        return new TracedRef<T>(Volatile.Read(in Address));
    }

    /// <summary>Makes the field refer to a block, or to nothing.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">A block of the heap that the scope and the field belong to, or nothing.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(scoped in TracedScope scope, TracedRef<T> value)
    {
        scope.BeforeStore(ref Address, value.Address);
        Volatile.Write(ref Address, value.Address);
    }
}
