using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>Allocate, write a word, read it, free.</summary>
internal sealed unsafe class PairLoop(uint size) : CountedLoop
{
    public override double PairsPerRound => 1;

    public override uint Run<T>(long rounds) => Loop(T.ForThisThread(), size, rounds);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Loop<T>(T allocator, nuint size, long rounds) where T : struct, IAllocator<T>, allows ref struct
    {
        uint difference = 0;
        for (long i = 0; i < rounds; i++)
        {
            int* block = (int*)allocator.Alloc(size);
            Volatile.Write(ref *block, (int)i);
            difference |= (uint)(Volatile.Read(ref *block) ^ (int)i);
            allocator.Free(block);
        }

        return difference;
    }
}
