using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>A reference to a traced block, or to nothing: good until its scope ends, or yields.</summary>
/// <typeparam name="T">What the block is; <see cref="byte"/> for one that has no type.</typeparam>
/// <remarks>
/// Nothing finds references but the program: what has to live longer goes into a field of a live block (<see cref="Gc{T}"/>), a
/// <see cref="GcHandle{T}"/> or a <see cref="RootArray{T}"/>. A reference used after its scope is undefined behaviour. With
/// <see cref="HeapChecks.Full"/> neither <see cref="Value"/> nor a store takes one that refers to a block that has died, unless another block
/// lies there by then; <see cref="NativeHeapOptions.TracedStress"/> lets blocks die soon enough for that.
/// </remarks>
public readonly unsafe ref struct GcRef<T>
    where T : unmanaged
{
    // What the system keeps unmapped from address 0 on, everywhere: an access there is an exception and no crash.
    private const int NullGuardBytes = 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal GcRef(nint address) => Address = address;

    /// <summary>The block's first byte, as a number, which keeps nothing alive; 0 for nothing. Blocks do not move.</summary>
    public nint Address { get; }

    /// <summary>Whether it refers to nothing.</summary>
    public bool IsNull => Address == 0;

    /// <summary>
    /// The block. Fields of type <see cref="Gc{U}"/> are changed by their own methods only: neither they nor a struct that has some may
    /// be copied over others.
    /// </summary>
    /// <exception cref="NullReferenceException">It refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the calling thread is in no scope of the block's heap.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: it refers to no live block.</exception>
    public ref T Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (CheckedHeaps.Any)
            {
                CheckedHeaps.RequireUsable(Address);
            }

            return ref Target;
        }
    }

    /// <summary>The block, for callers that have looked whether it is one, or have just got it from a live block.</summary>
    internal ref T Target
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (sizeof(T) > NullGuardBytes && Address == 0)
            {
                ThrowNull();
            }

            return ref *(T*)Address;
        }
    }

    /// <summary>Whether both refer to the same block, or to nothing.</summary>
    /// <param name="other">The other reference.</param>
    public bool Is(GcRef<T> other) => Address == other.Address;

    /// <summary>Whether both refer to the same block, or to nothing: <c>node == list.Head</c>, <c>node != default</c>.</summary>
    /// <param name="left">One reference.</param>
    /// <param name="right">The other reference.</param>
    public static bool operator ==(GcRef<T> left, GcRef<T> right) => left.Address == right.Address;

    /// <summary>Whether they refer to different blocks, or only one to nothing.</summary>
    /// <inheritdoc cref="op_Equality"/>
    public static bool operator !=(GcRef<T> left, GcRef<T> right) => left.Address != right.Address;

    /// <summary>False: a reference is no object, and no object equals one. References are compared by <c>==</c>.</summary>
    /// <param name="obj">Any object.</param>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public override bool Equals(object? obj) => false;

    /// <summary>A number that is the same for references to the same block. It keeps nothing alive.</summary>
    public override int GetHashCode() => Address.GetHashCode();

    /// <summary>The same block as something else. Nobody checks that it is.</summary>
    /// <typeparam name="TOther">What it is.</typeparam>
    public GcRef<TOther> As<TOther>()
        where TOther : unmanaged => new(Address);

    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what a smaller block throws.")]
    private static void ThrowNull() => throw new NullReferenceException("The reference refers to nothing.");
}
