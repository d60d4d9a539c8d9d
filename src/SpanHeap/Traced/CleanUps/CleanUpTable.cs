using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.CleanUps;

/// <summary>Holds the clean-ups that wait for their blocks to die, in the order in which they were registered.</summary>
/// <remarks>
/// Threads add to it in scopes, under the lock. The collector searches it while the gate is closed, or chunk by chunk under the lock while threads go on. A
/// cancelled clean-up stays until its block dies, there are twice as many, or half of them are cancelled. Addresses are stored apart from the objects, so
/// that the collector touches no object whose block lives.
/// </remarks>
internal sealed class CleanUpTable
{
    private const int ChunkShift = 10;
    private const int ChunkEntries = 1 << ChunkShift;

    private readonly Lock _lock = new();

    // Used under the lock in a scope, or by the collector: chunks, the number of entries in use, and that number at which cancelled ones are next
    // looked for. While the collector looks for dead ones, they are not looked for: entries do not move under its hands.
    private readonly List<Chunk> _chunks = [];
    private int _count;
    private int _tidyAt = ChunkEntries;

    // The number cancelled when they were last looked for. Used under the lock in a scope, or by the collector.
    private long _cancelledBefore;

    public CleanUpCounts Counts { get; } = new();

    /// <summary>The number of clean-ups here, including cancelled ones that have not been dropped.</summary>
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
    /// Moves the clean-ups of unmarked blocks to the queue, in order; the others keep their order. Marks are complete; threads may go on if what they make is
    /// marked, so that what they add meanwhile stays. Allocates nothing and throws nothing.
    /// </summary>
    public void TakeDead(uint bitmap, CleanUpQueue queue)
    {
        Search search = default;
        while (!LookAtChunk(ref search, bitmap))
        {
        }

        if (search.First != null)
        {
            queue.Add(search.First, search.Last!, search.Dead);
        }
    }

    /// <summary>
    /// Shows the block of each clean-up that has not been cancelled, and what messages call it. No thread is in a scope, or none uses the heap.
    /// </summary>
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

    /// <summary>Drops all: their blocks go without being found dead. No thread uses the heap.</summary>
    public void DropAll()
    {
        for (int i = 0; i < _count; i++)
        {
            CleanUpQueue.Drop(CleanUpAt(i)!);
        }

        Truncate(0);
    }

    // Looks at so many entries that a thread that adds one waits for some microseconds at most. Returns whether there are no more. Compiled with full
    // optimization at once: it takes long in the first collection of a program, too, and the heap grows meanwhile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool LookAtChunk(ref Search search, uint bitmap)
    {
        Uninterrupted.Do(_lock, static held => held.Enter());
        if (search.Looked == 0)
        {
            // If there are so many, looking at each object pays. Some may have been cancelled in the queue; then fewer go.
            search.DropsCancelled = Counts.Cancelled - _cancelledBefore > Math.Max(ChunkEntries, _count / 2);
            _cancelledBefore = search.DropsCancelled ? Counts.Cancelled : _cancelledBefore;
            _tidyAt = int.MaxValue;
        }

        int end = Math.Min(_count, search.Looked + ChunkEntries);
        for (; search.Looked < end; search.Looked++)
        {
            Look(ref search, bitmap);
        }

        bool isLast = end == _count;
        if (isLast)
        {
            Truncate(search.Kept);
        }

        _lock.Exit();
        return isLast;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Look(ref Search search, uint bitmap)
    {
        if (TracedBits.IsSet(BlockAt(search.Looked), bitmap))
        {
            if (!search.DropsCancelled || CleanUpAt(search.Looked)!.IsWaiting)
            {
                Move(search.Looked, search.Kept++);
            }
        }
        else if (CleanUpAt(search.Looked) is { IsWaiting: true } next)
        {
            search.First ??= next;
            search.Last?.Next = next;
            search.Last = next;
            search.Dead++;
        }
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

    // Releases the entries from there on, and the chunks after them.
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

    // How far a search for the clean-ups of dead blocks has come: the entries looked at, of which those that stay lie before all others, and the chain of
    // those that do not.
    private struct Search
    {
        public int Looked;
        public int Kept;
        public bool DropsCancelled;
        public CleanUp? First;
        public CleanUp? Last;
        public long Dead;
    }

    private sealed class Chunk
    {
        public nint[] Blocks { get; } = new nint[ChunkEntries];

        public CleanUp?[] CleanUps { get; } = new CleanUp?[ChunkEntries];
    }
}
