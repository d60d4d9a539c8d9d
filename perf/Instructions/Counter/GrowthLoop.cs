using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>A buffer grows from 16 bytes by a quarter at a time to the last size. A round is one buffer; what it counts are its steps.</summary>
internal sealed unsafe class GrowthLoop(uint last) : CountedLoop
{
    private const uint First = 16;

    public override double PairsPerRound
    {
        get
        {
            int steps = 0;
            for (uint size = 0; size != last; size = Grown(size, last))
            {
                steps++;
            }

            return steps;
        }
    }

    public override uint Run<T>(long rounds)
    {
        uint difference = 0;
        for (long round = 0; round < rounds; round++)
        {
            difference |= Loop(T.ForThisThread(), last, (uint)round);
        }

        return difference;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Loop<T>(T allocator, uint last, uint tag) where T : struct, IAllocator<T>, allows ref struct
    {
        uint difference = 0;
        byte* buffer = null;
        for (uint size = 0; size != last;)
        {
            uint grown = Grown(size, last);
            buffer = (byte*)allocator.Realloc(buffer, grown);
            difference |= Touches.Difference(buffer, size, tag);
            *(uint*)buffer = tag;
            *(uint*)(buffer + grown - sizeof(uint)) = tag;
            size = grown;
        }

        allocator.Free(buffer);
        return difference;
    }

    private static uint Grown(uint size, uint last) => size == 0 ? First : uint.Min(size + (size / 4), last);
}
