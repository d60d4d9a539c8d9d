using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Allocate zeroed, look at both ends, write to every cache line so that there is something to zero, free.</summary>
internal sealed unsafe class ZeroedPair(uint size, int pairs) : Workload(threads: 1), IArrayWorkload
{
    private const int Chunks = 100;
    private const uint Dirt = 0xA5A5A5A5;

    private readonly int _chunk = pairs / Chunks;

    public override long Operations => (long)Chunks * _chunk;

    public override Needs Needs => Needs.Zeroed;

    public override void Run<T>()
    {
        for (int i = 0; i < Chunks; i++)
        {
            Loop(T.ForThisThread(), size, _chunk);
        }
    }

    public void RunArrays<T>() where T : struct, IArraySource
    {
        for (int i = 0; i < Chunks; i++)
        {
            ArrayLoop<T>(size, _chunk);
        }
    }

    /// <summary>Each block is looked at when it is handed out.</summary>
    public override void Verify() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Loop<T>(T allocator, uint size, int pairs) where T : struct, IAllocator<T>, allows ref struct
    {
        for (int i = 0; i < pairs; i++)
        {
            byte* block = (byte*)allocator.AllocZeroed(size);
            CheckAndDirty(block, size);
            allocator.Free(block);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ArrayLoop<T>(uint size, int pairs) where T : struct, IArraySource
    {
        for (int i = 0; i < pairs; i++)
        {
            byte[] array = T.RentZeroed((int)size);
            fixed (byte* block = array)
            {
                CheckAndDirty(block, size);
            }

            T.Return(array);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckAndDirty(byte* block, uint size)
    {
        if (!EveryLine.Holds(block, size, tag: 0))
        {
            WrongContentsException.ThrowNotZero((nuint)block, size);
        }

        EveryLine.Write(block, size, Dirt);
    }
}
