using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Stress;

/// <summary>
/// A heap under random operations of several threads that exchange blocks, with an oracle beside it. After each phase all threads
/// stand still, and the heap is compared with the oracle.
/// </summary>
internal sealed class ModelRun(NativeHeap heap, ulong seed, int threads)
{
    private const int MailBoxes = 8;

    private readonly List<ModelBlock>?[] _mail = new List<ModelBlock>?[MailBoxes];
    private long _lastId;

    public NativeHeap Heap => heap;

    public ModelShadow Shadow { get; } = new();

    public ulong NextId() => (ulong)Interlocked.Increment(ref _lastId);

    /// <summary>Leaves blocks for other threads, and takes what they left.</summary>
    public List<ModelBlock>? Exchange(int box, List<ModelBlock>? left) => Interlocked.Exchange(ref _mail[box % MailBoxes], left);

    /// <summary>Runs all phases and frees everything.</summary>
    public void Run(int phases, int operationsPerPhase, bool compare)
    {
        using Barrier? barrier = compare ? new(threads, _ => Compare()) : null;
        StressThreads.Run(threads, number => Work(number, barrier, phases, operationsPerPhase));
        foreach (List<ModelBlock>? left in _mail)
        {
            left?.ForEach(Free);
        }

        Assert.Equal(0, Shadow.Count);
    }

    public unsafe void Free(ModelBlock block)
    {
        nint damaged = block.FindDamage(block.Size);
        Assert.True(damaged < 0, $"the block of {block.Size} bytes at 0x{block.Address:x} has changed at offset {damaged}");
        Shadow.Remove(block);
        heap.Free((void*)block.Address);
    }

    private void Work(int number, Barrier? barrier, int phases, int operations)
    {
        ModelThread thread = new(this, new StressRandom(seed + (ulong)(number * 1_000_003)), exchanges: threads > 1);
        bool arrived = false;
        try
        {
            for (int phase = 0; phase < phases; phase++)
            {
                thread.Operate(operations);
                barrier?.SignalAndWait();
            }

            thread.FreeAll();
            arrived = true;
        }
        finally
        {
            if (!arrived)
            {
                // The others must not wait for a thread that has failed.
                barrier?.RemoveParticipant();
            }
        }
    }

    // All threads stand still.
    private unsafe void Compare()
    {
        heap.Verify();
        List<ModelBlock> live = Shadow.Sorted();
        Assert.Equal(live.Count, heap.GetStatistics().LiveBlocks);
        nint end = 0;
        foreach (ModelBlock block in live)
        {
            nuint usable = heap.UsableSize((void*)block.Address);
            Assert.True(usable >= block.Size, $"a block of {block.Size} bytes says that it has room for {usable}");
            Assert.True(block.Address >= end, $"the block at 0x{block.Address:x} begins before the one below it ends, at 0x{end:x}");
            end = block.Address + (nint)usable;
        }
    }
}
