using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// After mleak: ten threads at a time, each allocates one zeroed block, swaps it with a random one of a shared table, frees what it
/// got, and ends. What an allocator keeps for each thread that ever lived shows as memory.
/// </summary>
/// <remarks>An operation is a thread; most of its time is the thread's own.</remarks>
internal sealed unsafe class ThreadExit(int threads) : CheckedWorkload(threads, threadsStay: false)
{
    private const int Generations = 50;
    private const uint Slots = 1000;
    private const int Words = 16;

    private readonly nuint[] _slots = GC.AllocateArray<nuint>((int)Slots, pinned: true);
    private readonly Thread[] _generation = new Thread[threads];
    private ulong _born;

    public override long Operations => (long)Generations * Threads;

    public override Needs Needs => Needs.Zeroed;

    public override void Run<T>()
    {
        ThreadStart life = () => Live(T.ForThisThread());
        for (int i = 0; i < Generations; i++)
        {
            foreach (ref Thread thread in _generation.AsSpan())
            {
                thread = new Thread(life) { IsBackground = true };
                thread.Start();
            }

            foreach (Thread thread in _generation)
            {
                thread.Join();
            }
        }
    }

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        foreach (ref nuint slot in _slots.AsSpan())
        {
            Free(allocator, (ulong*)slot);
            slot = 0;
        }
    }

    private void Live<T>(T allocator) where T : struct, IAllocator<T>, allows ref struct
    {
        ulong number = Interlocked.Increment(ref _born);
        ulong* block = (ulong*)allocator.AllocZeroed(Words * sizeof(ulong));
        var words = new Span<ulong>(block, Words);
        if (words.ContainsAnyExcept(0UL))
        {
            AddWrong(1);
        }

        words.Fill(number);

        uint slot = new SplitMix(number).Below(Slots);
        Free(allocator, (ulong*)Interlocked.Exchange(ref _slots[slot], (nuint)block));
    }

    private void Free<T>(T allocator, ulong* block) where T : struct, IAllocator<T>, allows ref struct
    {
        if (block != null && new Span<ulong>(block, Words).ContainsAnyExcept(*block))
        {
            AddWrong(1);
        }

        allocator.Free(block);
    }
}
