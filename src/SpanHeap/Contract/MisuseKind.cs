namespace SpanHeap;

/// <summary>Specifies what is wrong with a pointer that was passed to a heap.</summary>
public enum MisuseKind
{
    /// <summary>
    /// No heap has memory at the address: it belongs to a stack, to managed or mapped memory or to <c>malloc</c>, or it is not a valid address.
    /// </summary>
    ForeignPointer,

    /// <summary>The pointer points into a page that holds no block: the block was freed long ago or never existed.</summary>
    FreePage,

    /// <summary>The pointer points into a block, but not to its first byte.</summary>
    InteriorPointer,

    /// <summary>The block is not allocated; it was freed before.</summary>
    DoubleFree,

    /// <summary>The block belongs to another heap.</summary>
    OtherHeap,

    /// <summary>The pointer points to a traced block or into one. Traced blocks are freed by a collection when they are unreachable.</summary>
    TracedBlock,

    /// <summary>Bytes after the end of the block were overwritten.</summary>
    Overflow,

    /// <summary>Bytes before the start of the block were overwritten. Found for guarded blocks; without guards it shows as an overflow of the block before.</summary>
    Underflow,

    /// <summary>The block was written to after it was freed.</summary>
    WriteAfterFree,
}
