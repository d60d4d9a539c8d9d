using System.Runtime.CompilerServices;

namespace SpanHeap;

/// <summary>A field of a traced type that refers to a traced block, or to nothing. Read and written in a scope.</summary>
/// <typeparam name="T">What it refers to.</typeparam>
/// <remarks>Never copied as bytes: a write is a release store, so that who reads it sees the block as it was made.</remarks>
internal struct Gc<T>
    where T : unmanaged
{
    internal nint Address;

    /// <summary>Whether it refers to nothing.</summary>
    public readonly bool IsNull => Address == 0;

    /// <summary>What it refers to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly GcRef<T> Get(scoped in GcScope scope)
    {
        scope.RequireOpen();
        return new GcRef<T>(Volatile.Read(in Address));
    }

    /// <summary>Makes it refer to a block, or to nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(scoped in GcScope scope, GcRef<T> value)
    {
        scope.RequireOpen();
        scope.RequireBlock(value.Address);
        Volatile.Write(ref Address, value.Address);
    }
}
