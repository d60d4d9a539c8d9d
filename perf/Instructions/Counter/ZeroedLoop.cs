using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>Allocate zeroed, look at both ends, write to every cache line so that there is something to zero, free.</summary>
internal sealed unsafe class ZeroedLoop(uint size) : CountedLoop
{
    private const uint Dirt = 0xA5A5A5A5;

    public override double PairsPerRound => 1;

    public override uint Run<T>(long rounds) => Loop(T.ForThisThread(), size, rounds);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Loop<T>(T allocator, uint size, long rounds) where T : struct, IAllocator<T>, allows ref struct
    {
        uint difference = 0;
        for (long i = 0; i < rounds; i++)
        {
            byte* block = (byte*)allocator.AllocZeroed(size);
            difference |= Touches.Difference(block, size, tag: 0);
            Touches.Write(block, size, Dirt);
            allocator.Free(block);
        }

        return difference;
    }
}
