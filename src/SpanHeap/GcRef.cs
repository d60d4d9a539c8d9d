using System.Runtime.CompilerServices;

namespace SpanHeap;

/// <summary>A reference to a traced block, or to nothing: good until its scope ends.</summary>
/// <typeparam name="T">What the block is.</typeparam>
internal readonly unsafe ref struct GcRef<T>
    where T : unmanaged
{
    internal readonly nint Address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal GcRef(nint address) => Address = address;

    /// <summary>Whether it refers to nothing.</summary>
    public bool IsNull => Address == 0;

    /// <summary>The block. Fields of type <see cref="Gc{U}"/> are changed by their own methods only.</summary>
    /// <exception cref="NullReferenceException">It refers to nothing.</exception>
    public ref T Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref *(T*)Address;
    }

    /// <summary>Whether both refer to the same block, or to nothing.</summary>
    public bool Is(GcRef<T> other) => Address == other.Address;
}
