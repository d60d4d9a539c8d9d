using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Endurance;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>One thread frees, in batches, what sixteen others allocate: a consumer of messages from many sources.</summary>
internal sealed unsafe class ManyOwners(int owners) : CheckedWorkload(owners, threadsStay: false)
{
    private const int BatchesPerOwner = 24;
    private const int SizeCount = 4096;
    private const int MinSize = 16;
    private const int MaxSize = 512;

    private readonly HandOverQueue[] _queues = [.. Enumerable.Range(0, owners).Select(_ => new HandOverQueue())];
    private uint[] _sizes = [];
    private WorkerTeam? _team;

    public override long Operations => (long)BatchesPerOwner * HandOverQueue.BatchSize * Threads;

    public override void Prepare()
    {
        _sizes = SizeTable.Make(SizeCount, Sizes.LogUniform(MinSize, MaxSize));
        _team = new WorkerTeam(Threads + 1);
    }

    public override void Run<T>() => _team!.Run(index =>
    {
        long wrong = 0;
        for (int batch = 0; batch < BatchesPerOwner; batch++)
        {
            if (index < _queues.Length)
            {
                Produce(T.ForThisThread(), index, batch);
            }
            else
            {
                wrong += ConsumeFromAll<T>();
            }
        }

        AddWrong(wrong);
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Produce<T>(T allocator, int index, int batch) where T : struct, IAllocator<T>, allows ref struct
    {
        Span<nuint> slots = _queues[index].BeginWrite();
        for (int i = 0; i < slots.Length; i++)
        {
            void* block = allocator.Alloc(_sizes[((batch * HandOverQueue.BatchSize) + index + i) % SizeCount]);
            *(ulong*)block = Tag((nuint)block, index, i);
            slots[i] = (nuint)block;
        }

        _queues[index].EndWrite();
    }

    private long ConsumeFromAll<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        for (int index = 0; index < _queues.Length; index++)
        {
            wrong += Consume(T.ForThisThread(), index);
        }

        return wrong;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long Consume<T>(T allocator, int index) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        ReadOnlySpan<nuint> slots = _queues[index].BeginRead();
        for (int i = 0; i < slots.Length; i++)
        {
            wrong += *(ulong*)slots[i] == Tag(slots[i], index, i) ? 0 : 1;
            allocator.Free((void*)slots[i]);
        }

        _queues[index].EndRead();
        return wrong;
    }

    private static ulong Tag(nuint block, int index, int place) => block + ((ulong)((index * HandOverQueue.BatchSize) + place) << 48);
}
