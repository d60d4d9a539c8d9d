namespace SpanHeap;

/// <summary>What is known of a block's use.</summary>
public enum BlockState
{
    /// <summary>Not allocated.</summary>
    Free,

    /// <summary>
    /// Allocated, or freed and kept by a thread's cache for reuse: without full checks a heap does not tell these apart block by block.
    /// </summary>
    AllocatedOrCached,

    /// <summary>Allocated: known at once with <see cref="HeapChecks.Full"/>, and of blocks too large for an arena.</summary>
    Allocated,
}

/// <summary>A block, found from any address inside it.</summary>
/// <param name="Address">Its first byte.</param>
/// <param name="Size">Bytes from there that its user may use.</param>
/// <param name="SizeClass">Number of its size class; 0 for a block of whole pages without one.</param>
/// <param name="State">What is known of its use.</param>
public readonly record struct BlockInfo(nint Address, nuint Size, int SizeClass, BlockState State);
