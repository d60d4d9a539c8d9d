using SpanHeap.Contract;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// A marker's stack of pointers that have not been followed yet. It has two chunks, so that a stack that grows and shrinks around the end of a
/// chunk does not use the shared queue each time. What does not fit goes there, and comes back from there when the stack is empty.
/// </summary>
/// <remarks>Belongs to one marker. <see cref="Top"/> may be kept in a register, and must be written back before any call here.</remarks>
internal unsafe struct MarkStack
{
    /// <summary>The place of the next entry.</summary>
    public nint* Top;

    private readonly MarkQueue _queue;
    private MarkChunk* _chunk;
    private MarkChunk* _other;

    /// <exception cref="OutOfMemoryException">There is no memory for the two chunks.</exception>
    public MarkStack(MarkQueue queue)
    {
        _queue = queue;
        _chunk = queue.Chunks.Take();
        _other = queue.Chunks.Take();
        if (_chunk == null || _other == null)
        {
            Release();
            ThrowHelper.OutOfMemory("The system has no memory to mark a heap's traced blocks.");
        }

        Top = Floor;
    }

    /// <summary>The chunk that is pushed to, for a loop that keeps it in registers.</summary>
    public readonly MarkWindow Window => new() { Top = Top, Floor = Floor, Ceiling = Ceiling };

    private readonly nint* Floor => MarkChunk.Entries(_chunk);

    private readonly nint* Ceiling => MarkChunk.Entries(_chunk) + MarkChunk.Capacity;

    /// <summary>Makes room for a number of entries, at most a chunk's; false if there is no memory for it.</summary>
    public bool TryMakeRoom(int entries)
    {
        if (Ceiling - Top >= entries)
        {
            return true;
        }

        if (_other->Count != 0)
        {
            MarkChunk* empty = _queue.Chunks.Take();
            if (empty == null)
            {
                return false;
            }

            // What was pushed earlier is nearer to the roots, and so worth most to another marker.
            _queue.Give(_other);
            _other = empty;
        }

        Swap();
        return true;
    }

    /// <summary>Finds entries when the chunk has none: those of the other chunk, or another marker's. False when marking is done.</summary>
    public bool TryRefill()
    {
        if (_other->Count == 0)
        {
            MarkChunk* full = _queue.Take();
            if (full == null)
            {
                return false;
            }

            _queue.Chunks.Give(_other);
            _other = full;
        }

        Swap();
        return true;
    }

    /// <summary>Gives another marker a chunk, if one waits and there is a chunk to spare.</summary>
    public void Share()
    {
        if (_queue.IsWanted && _other->Count == 0 && Top - Floor > 1)
        {
            // The whole chunk goes: what this marker has begun keeps it busy.
            Swap();
        }

        if (_other->Count != 0 && _queue.IsWanted)
        {
            MarkChunk* empty = _queue.Chunks.Take();
            if (empty != null)
            {
                _queue.Give(_other);
                _other = empty;
            }
        }
    }

    /// <summary>Gives back the chunks, when everything is marked or marking is given up.</summary>
    public void Release()
    {
        Release(ref _chunk);
        Release(ref _other);
        Top = null;
    }

    private readonly void Release(ref MarkChunk* chunk)
    {
        if (chunk != null)
        {
            _queue.Chunks.Give(chunk);
            chunk = null;
        }
    }

    private void Swap()
    {
        _chunk->Count = Top - Floor;
        MarkChunk* chunk = _chunk;
        _chunk = _other;
        _other = chunk;
        Top = Floor + _chunk->Count;
        _chunk->Count = 0;
    }
}

/// <summary>A marker's view of its stack: entries lie from the floor to the top, and may lie up to the ceiling.</summary>
internal unsafe struct MarkWindow
{
    public nint* Top;
    public nint* Floor;
    public nint* Ceiling;
}
