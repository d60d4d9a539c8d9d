using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Cache-thrash and cache-scratch after Hoard's: each thread allocates a byte, writes and reads it many times, and frees it. When
/// the bytes of two threads lie in one cache line, this is slow. In scratch the first of them come from one thread, which is how an
/// allocator can be led to it; in thrash it needs no leading.
/// </summary>
/// <remarks>An operation is a write and a read.</remarks>
internal sealed unsafe class FalseSharing(int threads, bool fromOneThread) : CheckedWorkload(threads)
{
    private const int Objects = 100;
    private const int TouchesPerObject = 400_000;

    private readonly MarkedBlock[] _given = GC.AllocateArray<MarkedBlock>(threads, pinned: true);

    public override long Operations => (long)Objects * (TouchesPerObject / Threads) * Threads;

    public override void Run<T>()
    {
        if (fromOneThread)
        {
            T allocator = T.ForThisThread();
            for (int i = 0; i < _given.Length; i++)
            {
                _given[i] = MarkedBlock.Write(allocator.Alloc(1), 1, (uint)i);
            }
        }

        RunOnThreads(index =>
        {
            long wrong = fromOneThread ? FreeGiven(T.ForThisThread(), _given[index]) : 0;
            for (int i = 0; i < Objects; i++)
            {
                wrong += Use(T.ForThisThread(), TouchesPerObject / Threads, index);
            }

            AddWrong(wrong);
        });
    }

    private static long FreeGiven<T>(T allocator, MarkedBlock block) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = block.Wrong;
        allocator.Free(block.Address);
        return wrong;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Use<T>(T allocator, int touches, int index) where T : struct, IAllocator<T>, allows ref struct
    {
        byte* block = (byte*)allocator.Alloc(1);
        byte different = 0;
        for (int touch = 0; touch < touches; touch++)
        {
            // Odd and even, so that what one thread writes is not what another expects.
            byte value = (byte)((2 * touch) + index);
            Volatile.Write(ref *block, value);
            different |= (byte)(Volatile.Read(ref *block) ^ value);
        }

        allocator.Free(block);
        return different == 0 ? 0 : 1;
    }
}
