using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>The clean-ups that wait for their blocks to die, in the order in which they were registered.</summary>
/// <remarks>
/// Added to in scopes, by the lock; looked through by the collector while the gate is closed. One that is cancelled stays until its
/// block dies, there are twice as many, or half of them are cancelled. Addresses lie apart from the objects, so that the collector touches no object whose block lives.
/// </remarks>
internal sealed class CleanUpTable
{
    private const int ChunkShift = 10;
    private const int ChunkEntries = 1 << ChunkShift;

    private readonly Lock _lock = new();

    // By the lock, in a scope, or by the collector: chunks, how many of their entries are in use, and how many will be when those that
    // were cancelled are looked for.
    private readonly List<Chunk> _chunks = [];
    private int _count;
    private int _tidyAt = ChunkEntries;

    // Cancelled ones there had been when they were last looked for. By the lock, in a scope, or by the collector.
    private long _cancelledBefore;

    public CleanUpCounts Counts { get; } = new();

    /// <summary>How many are here, those included that were cancelled and have not been dropped.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Registers one. In a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no managed memory for it; nothing has changed.</exception>
    public void Add(nint block, CleanUp cleanUp)
    {
        lock (_lock)
        {
            if (_count == _tidyAt)
            {
                DropCancelled();
            }

            if (_count >> ChunkShift == _chunks.Count)
            {
                _chunks.Add(new Chunk());
            }

            BlockAt(_count) = block;
            CleanUpAt(_count) = cleanUp;
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
        if (Counts.Cancelled - _cancelledBefore > Math.Max(ChunkEntries, _count / 2))
        {
            // So many that looking at each object pays. Some may have been in the queue: then fewer go.
            DropCancelled();
        }

        int kept = 0;
        long dead = 0;
        CleanUp? first = null;
        CleanUp? last = null;
        for (int i = 0; i < _count; i++)
        {
            if (TracedBits.IsSet(BlockAt(i), plane))
            {
                Move(i, kept++);
            }
            else if (CleanUpAt(i) is { IsWaiting: true } next)
            {
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
            if (CleanUpAt(i)!.IsWaiting)
            {
                visit($"clean-up {i}", BlockAt(i));
            }
        }
    }

    /// <summary>Drops all: their blocks go without being found dead. Nobody uses the heap.</summary>
    public void DropAll()
    {
        for (int i = 0; i < _count; i++)
        {
            CleanUpQueue.Drop(CleanUpAt(i)!);
        }

        Truncate(0);
    }

    private ref nint BlockAt(int index) => ref _chunks[index >> ChunkShift].Blocks[index & (ChunkEntries - 1)];

    private ref CleanUp? CleanUpAt(int index) => ref _chunks[index >> ChunkShift].CleanUps[index & (ChunkEntries - 1)];

    private void DropCancelled()
    {
        _cancelledBefore = Counts.Cancelled;
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (CleanUpAt(i)!.IsWaiting)
            {
                Move(i, kept++);
            }
        }

        Truncate(kept);
    }

    private void Move(int from, int to)
    {
        if (from != to)
        {
            BlockAt(to) = BlockAt(from);
            CleanUpAt(to) = CleanUpAt(from);
        }
    }

    // Lets the entries behind go, and the chunks behind those.
    private void Truncate(int count)
    {
        int chunks = (count + ChunkEntries - 1) >> ChunkShift;
        _chunks.RemoveRange(chunks, _chunks.Count - chunks);
        for (int i = count; i < Math.Min(_count, chunks << ChunkShift); i++)
        {
            CleanUpAt(i) = null;
        }

        _count = count;
        _tidyAt = Math.Max(ChunkEntries, 2 * count);
    }

    private sealed class Chunk
    {
        public nint[] Blocks { get; } = new nint[ChunkEntries];

        public CleanUp?[] CleanUps { get; } = new CleanUp?[ChunkEntries];
    }
}
