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
}
