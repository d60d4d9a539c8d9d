namespace SpanHeap;

/// <summary>Specifies what is known about the use of a block.</summary>
public enum BlockState
{
    /// <summary>The block is not allocated.</summary>
    Free,

    /// <summary>
    /// The block is allocated, or it was freed and a thread's cache keeps it for reuse. Without full checks a heap cannot tell the two apart for a
    /// single block.
    /// </summary>
    AllocatedOrCached,

    /// <summary>The block is allocated. Reported with <see cref="HeapChecks.Full"/>, and always for blocks too large for an arena.</summary>
    Allocated,
}

/// <summary>Describes a block that was found from an address inside it.</summary>
/// <param name="Address">The address of the block's first byte.</param>
/// <param name="Size">The number of bytes from <paramref name="Address"/> that the program may use.</param>
/// <param name="SizeClass">The number of the block's size class; 0 for a block of whole pages, which has none.</param>
/// <param name="State">What is known about the use of the block.</param>
public readonly record struct BlockInfo(nint Address, nuint Size, int SizeClass, BlockState State);
