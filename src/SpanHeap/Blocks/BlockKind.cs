namespace SpanHeap.Blocks;

/// <summary>Specifies what an address is to a heap that is asked to treat it as a block.</summary>
internal enum BlockKind : byte
{
    /// <summary>The address is not memory of any heap.</summary>
    Foreign,

    /// <summary>The address lies in a page that holds no block.</summary>
    FreePage,

    /// <summary>The address is memory of another heap.</summary>
    OtherHeap,

    /// <summary>The address lies inside a block.</summary>
    Interior,

    /// <summary>The address is a freed huge block that the heap keeps for reuse.</summary>
    Freed,

    /// <summary>The address is a traced block or lies inside one.</summary>
    Traced,

    /// <summary>The address is a guarded block of any size; the heap's guard knows the rest.</summary>
    Guarded,

    /// <summary>The address lies in a slot of a span that many blocks share. Whether it is the slot's first byte has not been checked yet.</summary>
    Small,

    /// <summary>The address is the first byte of a span that is one block.</summary>
    Large,

    /// <summary>The address is the first byte of a block that the platform allocated because no arena could hold it.</summary>
    Huge,
}
