using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Buffers that grow in turns, each by a quarter at a time and up to the last size, where it is freed and begins again; an operation is one step.</summary>
/// <param name="buffers">How many grow side by side: with one an allocator can extend it in place, with many they stand in each other's way.</param>
/// <param name="last">The last size.</param>
/// <param name="steps">How many a pass has.</param>
internal sealed unsafe class Growth(int buffers, uint last, int steps) : Workload(threads: 1)
{
    private const uint First = 16;
    private const int Chunks = 50;

    private readonly nuint[] _buffers = GC.AllocateArray<nuint>(buffers, pinned: true);
    private readonly uint[] _sizes = GC.AllocateArray<uint>(buffers, pinned: true);
    private readonly int _chunk = steps / Chunks;

    public override long Operations => (long)Chunks * _chunk;

    public override Needs Needs => Needs.Realloc;

    public override void Run<T>()
    {
        fixed (nuint* buffer = _buffers)
        fixed (uint* sizes = _sizes)
        {
            for (int i = 0; i < Chunks; i++)
            {
                Loop(T.ForThisThread(), buffer, sizes, buffers, last, _chunk);
            }
        }
    }

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        foreach (nuint buffer in _buffers)
        {
            allocator.Free((void*)buffer);
        }

        Array.Clear(_buffers);
        Array.Clear(_sizes);
    }

    public override void Verify()
    {
        for (int i = 0; i < buffers; i++)
        {
            if (_buffers[i] != 0)
            {
                CheckEnds((byte*)_buffers[i], _sizes[i], (uint)i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Loop<T>(T allocator, nuint* buffers, uint* sizes, int count, uint last, int steps)
        where T : struct, IAllocator<T>, allows ref struct
    {
        int i = 0;
        for (int step = 0; step < steps; step++)
        {
            byte* buffer = (byte*)buffers[i];
            uint size = sizes[i];
            if (size == last)
            {
                allocator.Free(buffer);
                buffer = null;
                size = 0;
            }

            uint grown = size == 0 ? First : uint.Min(size + (size / 4), last);
            buffer = (byte*)allocator.Realloc(buffer, grown);
            if (size != 0)
            {
                CheckEnds(buffer, size, (uint)i);
            }

            *(uint*)buffer = (uint)i;
            *(uint*)(buffer + grown - sizeof(uint)) = (uint)i;
            buffers[i] = (nuint)buffer;
            sizes[i] = grown;
            if (++i == count)
            {
                i = 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckEnds(byte* buffer, uint size, uint tag)
    {
        if (*(uint*)buffer != tag || *(uint*)(buffer + size - sizeof(uint)) != tag)
        {
            WrongContentsException.ThrowOverwritten((nuint)buffer, size);
        }
    }
}
