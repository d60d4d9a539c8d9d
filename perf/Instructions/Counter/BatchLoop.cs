using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>Allocate so many blocks, writing to each, then read and free them in the same order.</summary>
internal sealed unsafe class BatchLoop(int count, uint size) : CountedLoop
{
    private readonly nuint[] _blocks = GC.AllocateUninitializedArray<nuint>(count, pinned: true);

    public override double PairsPerRound => count;

    public override uint Run<T>(long rounds)
    {
        uint difference = 0;
        fixed (nuint* blocks = _blocks)
        {
            for (long i = 0; i < rounds; i++)
            {
                BlockBatch.Fill(T.ForThisThread(), blocks, count, size);
                difference |= Free(T.ForThisThread(), blocks, count);
            }
        }

        return difference;
    }

    /// <summary>Reads and frees the blocks of a batch in the order of their allocation. Returns 0 if each held its number.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Free<T>(T allocator, nuint* blocks, int count) where T : struct, IAllocator<T>, allows ref struct
    {
        uint difference = 0;
        for (int i = 0; i < count; i++)
        {
            difference |= (uint)(*(int*)blocks[i] ^ i);
            allocator.Free((void*)blocks[i]);
        }

        return difference;
    }
}
