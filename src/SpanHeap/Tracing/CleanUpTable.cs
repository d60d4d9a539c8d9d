using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>The clean-ups that wait for their blocks to die, in the order in which they were registered.</summary>
/// <remarks>
/// Added to in scopes, by the lock; looked through by the collector while the gate is closed. One that is cancelled stays until its
/// block dies or room is needed. Addresses lie apart from the objects, so that the collector touches no object whose block lives.
/// </remarks>
internal sealed class CleanUpTable
{
    private const int FirstCapacity = 64;

    private readonly Lock _lock = new();

    // Of one length; the first so many of both are in use. By the lock, in a scope, or by the collector.
    private nint[] _blocks = [];
    private CleanUp?[] _cleanUps = [];
    private int _count;

    public CleanUpCounts Counts { get; } = new();

    /// <summary>Registers one. In a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no managed memory for it; nothing has changed.</exception>
    public void Add(nint block, CleanUp cleanUp)
    {
        lock (_lock)
        {
            if (_count == _blocks.Length)
            {
                MakeRoom();
            }

            _blocks[_count] = block;
            _cleanUps[_count] = cleanUp;
            _count++;
        }

        Counts.NoteRegistered();
    }

    /// <summary>
    /// Moves the clean-ups of blocks that have no mark to the queue, in order; those that are left keep theirs. Marking is complete, and the
    /// gate is closed. Allocates nothing and throws nothing.
    /// </summary>
    public void TakeDead(uint plane, CleanUpQueue queue)
    {
        int kept = 0;
        long dead = 0;
        CleanUp? first = null;
        CleanUp? last = null;
        for (int i = 0; i < _count; i++)
        {
            if (TracedBits.IsSet(_blocks[i], plane))
            {
                Move(i, kept++);
            }
            else if (_cleanUps[i]!.IsWaiting)
            {
                CleanUp next = _cleanUps[i]!;
                first ??= next;
                last?.Next = next;
                last = next;
                dead++;
            }
        }

        Truncate(kept);
        if (first != null)
        {
            queue.Add(first, last!, dead);
        }
    }

    /// <summary>Shows the block of each that has not been cancelled, and what messages call it. No thread is in a scope, or nobody uses the heap.</summary>
    public void Show(Action<string, nint> visit)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_cleanUps[i]!.IsWaiting)
            {
                visit($"clean-up {i}", _blocks[i]);
            }
        }
    }

    /// <summary>Drops all: their blocks go without being found dead. Nobody uses the heap.</summary>
    public void DropAll()
    {
        for (int i = 0; i < _count; i++)
        {
            CleanUpQueue.Drop(_cleanUps[i]!);
        }

        Truncate(0);
    }

    // Those that were cancelled go first. If the others take more than half, a longer table: so that a step costs as many as it makes room for.
    private void MakeRoom()
    {
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (_cleanUps[i]!.IsWaiting)
            {
                Move(i, kept++);
            }
        }

        Truncate(kept);
        if (_count > _blocks.Length / 2 || _count == _blocks.Length)
        {
            // Both before either is in use: there may be no memory for the second.
            int capacity = Math.Max(FirstCapacity, _blocks.Length * 2);
            nint[] blocks = new nint[capacity];
            CleanUp?[] cleanUps = new CleanUp?[capacity];
            Array.Copy(_blocks, blocks, _count);
            Array.Copy(_cleanUps, cleanUps, _count);
            _blocks = blocks;
            _cleanUps = cleanUps;
        }
    }

    private void Move(int from, int to)
    {
        if (from != to)
        {
            _blocks[to] = _blocks[from];
            _cleanUps[to] = _cleanUps[from];
        }
    }

    private void Truncate(int count)
    {
        Array.Clear(_cleanUps, count, _count - count);
        _count = count;
    }
}
