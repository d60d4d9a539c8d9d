namespace SpanHeap.Layouts;

/// <summary>How a marker finds the pointers of a block.</summary>
internal enum TracedForm : byte
{
    /// <summary>There are none: blocks are marked and never looked into.</summary>
    NoPointers,

    /// <summary>
    /// The same; and the program says which of them live: a collection that it does not lead keeps all. Those above this have pointers.
    /// </summary>
    Collectable,

    /// <summary>A pattern of pointer words, from the block's start.</summary>
    Fields,

    /// <summary>A length, then so many elements that are all pointers.</summary>
    References,

    /// <summary>A length, then so many elements, each with a pattern of pointer words.</summary>
    Elements,

    /// <summary>A function of the program's says where they are.</summary>
    Custom,
}
