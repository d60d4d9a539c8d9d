using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Asynchronous flows, more than there are threads: each allocates some buffers, awaits, and frees them on whatever thread of
/// the pool it comes back on, as requests of a server do.
/// </summary>
internal sealed class AsyncHops(int threads) : CheckedWorkload(threads, threadsStay: false)
{
    private const int FlowsPerThread = 16;
    private const int HopsPerFlow = 800;
    // Enough that the hop itself, some hundred nanoseconds, is the smaller part of the time.
    private const int BlocksPerHop = 16;
    private const int SizeCount = 4096;
    private const int MinSize = 32;
    private const int MaxSize = 4096;

    private readonly MarkedBlock[] _blocks = GC.AllocateArray<MarkedBlock>(FlowsPerThread * threads * BlocksPerHop, pinned: true);
    private readonly Task[] _flows = new Task[FlowsPerThread * threads];
    private uint[] _sizes = [];

    public override long Operations => (long)HopsPerFlow * BlocksPerHop * _flows.Length;

    public override void Prepare() => _sizes = SizeTable.Make(SizeCount, Sizes.LogUniform(MinSize, MaxSize));

    public override void Run<T>()
    {
        for (int flow = 0; flow < _flows.Length; flow++)
        {
            // A method of its own starts the flow, so that a variable of the loop is not captured.
            _flows[flow] = Start<T>(flow);
        }

        Task.WaitAll(_flows);
    }

    private Task Start<T>(int flow) where T : struct, IAllocator<T>, allows ref struct => Task.Run(() => Flow<T>(flow));

    // The state machine is allocated once a flow; a yield queues the same object again.
    private async Task Flow<T>(int flow) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        for (int hop = 0; hop < HopsPerFlow; hop++)
        {
            AllocAll<T>(flow, hop);
            await Task.Yield();
            wrong += FreeAll<T>(flow);
        }

        AddWrong(wrong);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe void AllocAll<T>(int flow, int hop) where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        int size = (hop + flow) * BlocksPerHop % SizeCount;
        foreach (ref MarkedBlock slot in _blocks.AsSpan(flow * BlocksPerHop, BlocksPerHop))
        {
            slot = MarkedBlock.Write(allocator.Alloc(_sizes[size]), _sizes[size], (uint)(flow + hop));
            size++;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe long FreeAll<T>(int flow) where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        long wrong = 0;
        foreach (MarkedBlock block in _blocks.AsSpan(flow * BlocksPerHop, BlocksPerHop))
        {
            wrong += block.Wrong;
            allocator.Free(block.Address);
        }

        return wrong;
    }
}
