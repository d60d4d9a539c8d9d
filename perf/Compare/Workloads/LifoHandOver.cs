using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Chunks of a hundred blocks, most of them small. When a chunk's time has come, half of it is freed newest first; the other half goes to
/// the neighbour thread, which frees it oldest first.
/// </summary>
internal sealed unsafe class LifoHandOver(int threads) : CheckedWorkload(threads)
{
    private const int ChunkSize = 100;
    private const int LiveChunks = 16;
    private const int ChunksPerThread = 5000;
    private const int SizeCount = 4096;
    private const int MaxSize = 1000;

    private readonly MarkedBlock[] _blocks = GC.AllocateArray<MarkedBlock>(ChunkSize * LiveChunks * threads, pinned: true);
    private readonly ParcelBoxes _boxes = new(threads);
    private uint[] _sizes = [];

    public override long Operations => (long)ChunkSize * ChunksPerThread * Threads;

    public override void Prepare() => _sizes = SizeTable.Make(SizeCount, Sizes.SkewedSmall(1, MaxSize));

    public override void Fill<T>()
    {
        T allocator = T.ForThisThread();
        for (int at = 0; at < _blocks.Length; at += ChunkSize)
        {
            AllocChunk(allocator, _blocks.AsSpan(at, ChunkSize), at);
        }
    }

    public override void Run<T>() => RunOnThreads(index =>
    {
        Span<MarkedBlock> blocks = _blocks.AsSpan(index * LiveChunks * ChunkSize, LiveChunks * ChunkSize);
        long wrong = 0;
        for (int i = 0; i < ChunksPerThread; i++)
        {
            wrong += Renew(T.ForThisThread(), blocks.Slice(i % LiveChunks * ChunkSize, ChunkSize), index, i);
        }

        AddWrong(wrong);
    });

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        AddWrong(FreeInOrder(allocator, _blocks));
        for (int i = 0; i < Threads; i++)
        {
            AddWrong(_boxes.FreeAll(allocator, i));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long Renew<T>(T allocator, Span<MarkedBlock> chunk, int index, int number) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        for (int newest = ChunkSize - 1; newest >= ChunkSize / 2; newest--)
        {
            wrong += chunk[newest].Wrong;
            allocator.Free(chunk[newest].Address);
        }

        Span<MarkedBlock> oldest = chunk[..(ChunkSize / 2)];
        if (!_boxes.TryPost(allocator, (index + 1) % Threads, oldest))
        {
            wrong += FreeInOrder(allocator, oldest);
        }

        wrong += _boxes.FreeAll(allocator, index);
        AllocChunk(allocator, chunk, number);
        return wrong;
    }

    private void AllocChunk<T>(T allocator, Span<MarkedBlock> chunk, int number) where T : struct, IAllocator<T>, allows ref struct
    {
        int next = number * ChunkSize % SizeCount;
        foreach (ref MarkedBlock block in chunk)
        {
            uint size = _sizes[next];
            block = MarkedBlock.Write(allocator.Alloc(size), size, (uint)(number + next));
            next = (next + 1) % SizeCount;
        }
    }

    private static long FreeInOrder<T>(T allocator, ReadOnlySpan<MarkedBlock> blocks) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        foreach (MarkedBlock block in blocks)
        {
            wrong += block.Wrong;
            allocator.Free(block.Address);
        }

        return wrong;
    }
}
