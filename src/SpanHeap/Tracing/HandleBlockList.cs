namespace SpanHeap.Tracing;

/// <summary>Blocks of handle slots that are in the same state. By the table's lock.</summary>
internal unsafe struct HandleBlockList
{
    /// <summary>The one added last; null when there is none.</summary>
    public HandleBlock* First;

    public int Count;

    public void Add(HandleBlock* block)
    {
        block->Previous = null;
        block->Next = First;
        if (First != null)
        {
            First->Previous = block;
        }

        First = block;
        Count++;
    }

    public void Remove(HandleBlock* block)
    {
        if (block->Previous == null)
        {
            First = block->Next;
        }
        else
        {
            block->Previous->Next = block->Next;
        }

        if (block->Next != null)
        {
            block->Next->Previous = block->Previous;
        }

        Count--;
    }
}
