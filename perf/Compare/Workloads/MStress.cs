using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// After mimalloc's stress test: threads that live for one of 25 iterations fill blocks of many sizes, free some, keep some to their
/// end, and swap others with a table that all share and that outlives them. Every word is checked when a block is freed.
/// </summary>
internal sealed unsafe class MStress(int threads) : CheckedWorkload(threads, threadsStay: false)
{
    private const int Iterations = 25;
    private const int AllocationsOfFirst = 100 * 50;
    private const int ThreadKinds = 8;
    private const uint Transfers = 1000;
    private const int RetainedShare = 2;
    private const ulong SeedStep = 43;

    private readonly nuint[] _transfers = GC.AllocateArray<nuint>((int)Transfers, pinned: true);
    private readonly nuint[][] _data = [.. Enumerable.Range(0, threads).Select(i => Table(Allocations(i)))];
    private readonly nuint[][] _retained = [.. Enumerable.Range(0, threads).Select(i => Table(Allocations(i) / RetainedShare))];

    public override long Operations =>
        (long)Iterations * Enumerable.Range(0, Threads).Sum(i => Allocations(i) + (Allocations(i) / RetainedShare));

    // Few blocks, up to 5 MiB each.
    public override Needs Needs => Needs.Huge;

    public override void Run<T>()
    {
        var generation = new Thread[Threads];
        var random = new SplitMix(SeedStep * (ulong)(Threads + 1));
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            for (int i = 0; i < generation.Length; i++)
            {
                int index = i;
                generation[i] = new Thread(() => AddWrong(Live(T.ForThisThread(), index))) { IsBackground = true };
                generation[i].Start();
            }

            foreach (Thread thread in generation)
            {
                thread.Join();
            }

            FreeTransfers(T.ForThisThread(), ref random, percent: 50);
        }
    }

    public override void Drain<T>()
    {
        var random = new SplitMix(0);
        FreeTransfers(T.ForThisThread(), ref random, percent: 100);
    }

    private static nuint[] Table(int length) => GC.AllocateArray<nuint>(length, pinned: true);

    private static int Allocations(int index) => AllocationsOfFirst * ((index % ThreadKinds) + 1);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long Live<T>(T allocator, int index) where T : struct, IAllocator<T>, allows ref struct
    {
        var random = new SplitMix(SeedStep * (ulong)(index + 1));
        nuint[] data = _data[index], retained = _retained[index];
        int live = 0, kept = 0;
        long wrong = 0;
        while (live < data.Length || kept < retained.Length)
        {
            if (kept == retained.Length || (live < data.Length && random.Chance(50)))
            {
                data[live++] = StressItems.Alloc(allocator, 1u << (int)random.Below(5), ref random);
            }
            else
            {
                retained[kept++] = StressItems.Alloc(allocator, 1u << (int)random.Below(7), ref random);
            }

            if (live > 0 && random.Chance(66))
            {
                ref nuint some = ref data[random.Below((uint)live)];
                wrong += StressItems.Free(allocator, some);
                some = 0;
            }

            if (live > 0 && random.Chance(25))
            {
                ref nuint some = ref data[random.Below((uint)live)];
                some = Interlocked.Exchange(ref _transfers[random.Below(Transfers)], some);
            }
        }

        foreach (nuint items in retained)
        {
            wrong += StressItems.Free(allocator, items);
        }

        foreach (nuint items in data)
        {
            wrong += StressItems.Free(allocator, items);
        }

        return wrong;
    }

    private void FreeTransfers<T>(T allocator, ref SplitMix random, uint percent) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        foreach (ref nuint items in _transfers.AsSpan())
        {
            if (!random.Chance(percent))
            {
                continue;
            }

            wrong += StressItems.Free(allocator, items);
            items = 0;
        }

        AddWrong(wrong);
    }
}
