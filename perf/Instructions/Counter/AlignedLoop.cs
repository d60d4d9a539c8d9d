using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>Allocate at a cache line, write a word, free.</summary>
internal sealed unsafe class AlignedLoop(uint size) : CountedLoop
{
    public override double PairsPerRound => 1;

    public override uint Run<T>(long rounds) => Loop(T.ForThisThread(), size, rounds);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Loop<T>(T allocator, nuint size, long rounds) where T : struct, IAllocator<T>, allows ref struct
    {
        nuint misaligned = 0;
        for (long i = 0; i < rounds; i++)
        {
            int* block = (int*)allocator.AlignedAlloc(size, Touches.CacheLine);
            misaligned |= (nuint)block & (Touches.CacheLine - 1);
            Volatile.Write(ref *block, (int)i);
            allocator.AlignedFree(block);
        }

        return (uint)misaligned;
    }
}
