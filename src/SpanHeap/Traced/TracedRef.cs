using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Checks;

namespace SpanHeap.Traced;

/// <summary>A reference to a traced block, or to nothing. It is valid until its scope ends or yields.</summary>
/// <typeparam name="T">The type of the block; <see cref="byte"/> for an untyped block.</typeparam>
/// <remarks>
/// Collections do not see references on the stack: what has to live longer goes into a field of a live block (<see cref="Traced{T}"/>), a
/// <see cref="TracedHandle{T}"/> or a <see cref="TracedRoots{T}"/>. Using a reference after its scope is undefined behaviour. With
/// <see cref="HeapChecks.Full"/>, <see cref="Value"/> and stores refuse a reference to a block that has died, unless another block lies there by
/// then. That takes until <see cref="NativeHeapOptions.QuarantineBytes"/> more have died; <see cref="TracedHeapOptions.Stress"/> makes blocks die
/// soon.
/// </remarks>
public readonly unsafe ref struct TracedRef<T>
    where T : unmanaged
{
    // What every system keeps unmapped from address 0 on: an access there throws an exception rather than crashing the process.
    private const int NullGuardBytes = 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal TracedRef(nint address) => Address = address;

    /// <summary>Gets the address of the block's first byte; 0 for nothing. The number keeps nothing alive. Blocks do not move.</summary>
    public nint Address { get; }

    /// <summary>Gets whether the reference refers to nothing.</summary>
    public bool IsNull => Address == 0;

    /// <summary>
    /// Gets, by reference, the block that this refers to. Change fields of type <see cref="Traced{U}"/> only by their own methods: neither they nor a
    /// struct that contains one may be overwritten by assignment.
    /// </summary>
    /// <exception cref="NullReferenceException">The reference refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the calling thread is in no scope of the block's heap.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: the reference does not refer to a live block.</exception>
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

    /// <summary>The block, for callers that have checked the reference, or have just got it from a live block.</summary>
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

    /// <summary>Determines whether both references refer to the same block, or both to nothing.</summary>
    /// <param name="other">The other reference.</param>
    public bool Is(TracedRef<T> other) => Address == other.Address;

    /// <summary>
    /// Determines whether both references refer to the same block, or both to nothing: <c>node == list.Head</c>, <c>node != default</c>.
    /// </summary>
    /// <param name="left">One reference.</param>
    /// <param name="right">The other reference.</param>
    public static bool operator ==(TracedRef<T> left, TracedRef<T> right) => left.Address == right.Address;

    /// <summary>Determines whether the references refer to different blocks, or only one of them to nothing.</summary>
    /// <inheritdoc cref="op_Equality"/>
    public static bool operator !=(TracedRef<T> left, TracedRef<T> right) => left.Address != right.Address;

    /// <summary>Returns false: a reference cannot be boxed, so no object equals one. Compare references by <c>==</c>.</summary>
    /// <param name="obj">Any object.</param>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public override bool Equals(object? obj) => false;

    /// <summary>Returns a hash code, which is the same for all references to the same block.</summary>
    public override int GetHashCode() => Address.GetHashCode();

    /// <summary>
    /// Returns the type and the address of the block that this refers to, or <c>null</c>. It does not look into the block; the text of a string
    /// is <c>Value.ToString()</c>.
    /// </summary>
    public override string ToString() => IsNull ? "null" : $"{typeof(T).Name} at 0x{Address:x}";

    /// <summary>Gets a reference to the same block as another type. Nothing checks that the block is of that type.</summary>
    /// <typeparam name="TOther">The type of the block.</typeparam>
    public TracedRef<TOther> As<TOther>()
        where TOther : unmanaged => new(Address);

    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what a smaller block throws.")]
    private static void ThrowNull() => throw new NullReferenceException("The reference refers to nothing.");
}
