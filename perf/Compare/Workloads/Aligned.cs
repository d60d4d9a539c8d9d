using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Aligned blocks, of which the last few are live: each new one takes the place of the oldest.</summary>
/// <param name="size">Of each block.</param>
/// <param name="minAlignment">The first alignment; the next is twice as wide, and so on in turn.</param>
/// <param name="maxAlignment">The last one.</param>
internal sealed unsafe class Aligned(uint size, uint minAlignment, uint maxAlignment) : Workload(threads: 1)
{
    private const int Live = 32;
    private const int Chunks = 100;
    private const int BlocksPerChunk = 5_000;

    private readonly nuint[] _blocks = GC.AllocateArray<nuint>(Live, pinned: true);
    private nuint _misaligned;

    public override long Operations => (long)Chunks * BlocksPerChunk;

    public override Needs Needs => Needs.Aligned;

    public override void Run<T>()
    {
        fixed (nuint* blocks = _blocks)
        {
            for (int i = 0; i < Chunks; i++)
            {
                _misaligned |= Loop(T.ForThisThread(), blocks, size, minAlignment, maxAlignment);
            }
        }
    }

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        foreach (nuint block in _blocks)
        {
            allocator.AlignedFree((void*)block);
        }

        Array.Clear(_blocks);
    }

    public override void Verify()
    {
        if (_misaligned != 0)
        {
            throw new WrongContentsException("A block was not aligned as it should have been.");
        }

        for (int i = 0; i < Live; i++)
        {
            CheckContents(_blocks[i], i);
        }
    }

    /// <returns>Not 0 if a block was not aligned.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint Loop<T>(T allocator, nuint* blocks, nuint size, nuint minAlignment, nuint maxAlignment)
        where T : struct, IAllocator<T>, allows ref struct
    {
        nuint misaligned = 0, alignment = minAlignment;
        for (int i = 0; i < BlocksPerChunk; i++)
        {
            int place = i % Live;
            if (blocks[place] != 0)
            {
                CheckContents(blocks[place], place);
                allocator.AlignedFree((void*)blocks[place]);
            }

            byte* block = (byte*)allocator.AlignedAlloc(size, alignment);
            misaligned |= (nuint)block & (alignment - 1);
            *(int*)block = place;
            blocks[place] = (nuint)block;
            alignment = alignment == maxAlignment ? minAlignment : 2 * alignment;
        }

        return misaligned;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckContents(nuint block, int place)
    {
        if (*(int*)block != place)
        {
            WrongContentsException.ThrowOverwritten(block, sizeof(int));
        }
    }
}
