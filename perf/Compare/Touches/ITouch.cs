namespace SpanHeap.Perf.Compare.Touches;

/// <summary>How much of a block a program writes, and what tells later that nobody else wrote there. A type, so that loops are compiled for each.</summary>
internal unsafe interface ITouch
{
    static abstract void Write(byte* block, uint size, uint tag);

    /// <summary>Whether the block still holds what was written.</summary>
    static abstract bool Holds(byte* block, uint size, uint tag);
}
