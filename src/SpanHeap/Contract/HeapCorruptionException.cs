using System.Diagnostics.CodeAnalysis;

namespace SpanHeap;

/// <summary>
/// The exception that is thrown when a pointer passed to a heap is not one of its allocated blocks, for example because the block has already been
/// freed, when the block has been written to past its end, or when <see cref="NativeHeap.Verify"/> finds an error. The heap has not been changed and
/// remains usable.
/// </summary>
[SuppressMessage("Design", "CA1032:Implement standard exception constructors", Justification = "Only heaps throw it, always with an address.")]
public sealed class HeapCorruptionException : Exception
{
    internal HeapCorruptionException(string message, nint address, MisuseKind? kind)
        : base(message)
    {
        Address = address;
        Kind = kind;
    }

    /// <summary>Gets the address in question, which is the first byte of a block that was written to past its end, or 0 when the heap's metadata as a whole is at fault.</summary>
    public nint Address { get; }

    /// <summary>Gets what is wrong with the address, or null when <see cref="NativeHeap.Verify"/> found the heap's own records inconsistent.</summary>
    public MisuseKind? Kind { get; }

    /// <summary>
    /// Gets the block that an interior pointer lies in, or the guarded block that the address belongs to or lies beside; null otherwise, in particular
    /// for unguarded blocks that were freed twice or written to past their end.
    /// </summary>
    public BlockInfo? Block { get; internal init; }

    /// <summary>Gets the managed ID of the thread that allocated the guarded block; 0 for any other address.</summary>
    public int AllocationThread { get; internal init; }

    /// <summary>Gets the managed ID of the thread that freed the guarded block, or 0 if it was not freed.</summary>
    public int FreeThread { get; internal init; }

    /// <summary>Gets the stack trace of the guarded block's allocation, or null if it is not known.</summary>
    public string? AllocationStack { get; internal init; }

    /// <summary>
    /// Gets the stack trace of the call that freed the guarded block, or null if the block was not freed or the stack is not known.
    /// </summary>
    public string? FreeStack { get; internal init; }
}
