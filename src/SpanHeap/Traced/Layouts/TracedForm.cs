namespace SpanHeap.Traced.Layouts;

/// <summary>How a marker finds the pointers of a block.</summary>
internal enum TracedForm : byte
{
    /// <summary>There are none: blocks are marked but never read.</summary>
    NoPointers,

    /// <summary>
    /// There are none, and the program says which blocks live: a collection without a mark session keeps all. The forms after this one have pointers.
    /// </summary>
    Collectable,

    /// <summary>A pattern of pointer words, from the block's start.</summary>
    Fields,

    /// <summary>A length, then that many elements that are all pointers.</summary>
    References,

    /// <summary>A length, then that many elements, each with a pattern of pointer words.</summary>
    Elements,

    /// <summary>A function of the program finds the pointers.</summary>
    Custom,

    /// <summary>
    /// An array of <see cref="WeakEntry"/>: a value counts only while its key is marked, and a key does not count at all. Marking notes such an array and looks at
    /// its entries in the end.
    /// </summary>
    WeakEntries,
}
