namespace SpanHeap.Perf.Compare.AccessPatterns;

/// <summary>
/// How much of a block a program writes, and how it tells later that nothing else wrote there. It is a type argument, so that loops are
/// compiled for each pattern.
/// </summary>
internal unsafe interface IAccessPattern
{
    static abstract void Write(byte* block, uint size, uint tag);

    /// <summary>Whether the block still holds what was written.</summary>
    static abstract bool Holds(byte* block, uint size, uint tag);
}
