using System.Diagnostics.CodeAnalysis;

namespace SpanHeap;

/// <summary>
/// A pointer was given to a heap that is not one of its allocated blocks, or a heap's metadata was found inconsistent by
/// <see cref="NativeHeap.Verify"/>. Nothing was changed: the heap goes on.
/// </summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "Thrown by heaps only; an address belongs to each.")]
public sealed class HeapCorruptionException : Exception
{
    internal HeapCorruptionException(string message, nint address, MisuseKind? kind)
        : base(message)
    {
        Address = address;
        Kind = kind;
    }

    /// <summary>The address in question; 0 when the metadata as a whole is.</summary>
    public nint Address { get; }

    /// <summary>What is wrong with the address; null when a look at the metadata found it.</summary>
    public MisuseKind? Kind { get; }

    /// <summary>
    /// The block that the address lies inside, if that is what is wrong with it; the guarded block that it is of, or lies beside; null for
    /// any other address.
    /// </summary>
    public BlockInfo? Block { get; internal init; }

    /// <summary>Managed id of the thread that allocated the guarded block; 0 for any other address.</summary>
    public int AllocationThread { get; internal init; }

    /// <summary>Managed id of the thread that freed the guarded block; 0 when none has.</summary>
    public int FreeThread { get; internal init; }

    /// <summary>Where the guarded block was allocated; null when that is not known.</summary>
    public string? AllocationStack { get; internal init; }

    /// <summary>Where it was freed; null when it was not, or that is not known.</summary>
    public string? FreeStack { get; internal init; }
}
