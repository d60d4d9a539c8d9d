namespace SpanHeap;

/// <summary>What is wrong with a pointer that was given to a heap.</summary>
public enum MisuseKind
{
    /// <summary>No heap has memory there: a stack, managed, mapped or <c>malloc</c>'ed address, or no address at all.</summary>
    ForeignPointer,

    /// <summary>It points into a page that holds no block: a block freed long ago, or one that never was.</summary>
    FreePage,

    /// <summary>It points into a block, not to its first byte.</summary>
    InteriorPointer,

    /// <summary>The block is not allocated: it was freed before.</summary>
    DoubleFree,

    /// <summary>The block belongs to another heap.</summary>
    OtherHeap,

    /// <summary>It is a traced block, or lies in one: those are freed when nothing reaches them.</summary>
    TracedBlock,

    /// <summary>Bytes behind the block were written to.</summary>
    Overflow,

    /// <summary>Bytes before the block were written to.</summary>
    Underflow,

    /// <summary>The block was written to after it was freed.</summary>
    WriteAfterFree,
}
