using SpanHeap.Os;

namespace SpanHeap.Traced.Roots;

/// <summary>A list of blocks of handle slots that are in the same state, with their number. Guarded by the table's lock.</summary>
internal unsafe struct HandleBlockList
{
    private IntrusiveList<HandleBlock> _blocks;

    /// <summary>The block added last; null if there is none.</summary>
    public readonly HandleBlock* First => _blocks.First;

    public int Count { get; private set; }

    public void Add(HandleBlock* block)
    {
        _blocks.AddFirst(block);
        Count++;
    }

    public void Remove(HandleBlock* block)
    {
        _blocks.Remove(block);
        Count--;
    }
}
