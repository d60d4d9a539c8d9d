using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// After xmalloc-test: producers allocate and write blocks of 64 bytes in batches of 4096, consumers free them, so that every
/// free is remote. There are as many consumers as producers. The arrays of a batch come from the allocator too.
/// </summary>
internal sealed unsafe class RemoteFrees(int producers) : CheckedWorkload(producers, threadsStay: false)
{
    private const int BlocksPerBatch = 4096;
    private const int BatchesPerThread = 120;
    private const int MaxBatches = 100;
    private const int Size = 64;

    // The original's consumers read nothing, and a read of a line that is in another processor's cache costs as much as
    // a free. So few blocks are looked at, from batch to batch others.
    private const int LookDistance = 61;

    private readonly BatchStack _queue = new(MaxBatches);
    private WorkerTeam? _team;

    public override long Operations => (long)BlocksPerBatch * BatchesPerThread * Threads;

    public override void Prepare() => _team = new WorkerTeam(2 * Threads);

    public override void Run<T>() => _team!.Run(index =>
    {
        long wrong = 0;
        for (int batch = 0; batch < BatchesPerThread; batch++)
        {
            if (index < Threads)
            {
                _queue.Push((nuint)Produce(T.ForThisThread()));
            }
            else
            {
                wrong += Consume(T.ForThisThread(), (nuint*)_queue.Pop(), batch);
            }
        }

        AddWrong(wrong);
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint* Produce<T>(T allocator) where T : struct, IAllocator<T>, allows ref struct
    {
        nuint* blocks = (nuint*)allocator.Alloc(BlocksPerBatch * (nuint)sizeof(nuint));
        for (int i = 0; i < BlocksPerBatch; i++)
        {
            byte* block = (byte*)allocator.Alloc(Size);
            Unsafe.InitBlockUnaligned(block, (byte)i, Size);
            blocks[i] = (nuint)block;
        }

        return blocks;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Consume<T>(T allocator, nuint* blocks, int batch) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        for (int i = batch % LookDistance; i < BlocksPerBatch; i += LookDistance)
        {
            wrong += ((byte*)blocks[i])[0] == (byte)i && ((byte*)blocks[i])[Size - 1] == (byte)i ? 0 : 1;
        }

        for (int i = 0; i < BlocksPerBatch; i++)
        {
            allocator.Free((void*)blocks[i]);
        }

        allocator.Free(blocks);
        return wrong;
    }
}
