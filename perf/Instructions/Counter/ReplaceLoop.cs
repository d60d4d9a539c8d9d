using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>So many blocks are live; each round frees a random one and allocates another of a random size in its place.</summary>
internal sealed unsafe class ReplaceLoop : CountedLoop
{
    private const int StepCount = 300_000;
    private const ulong Seed = 1;

    private readonly Step[] _plan = GC.AllocateUninitializedArray<Step>(StepCount, pinned: true);
    private readonly Block[] _blocks;
    private long _next;

    public ReplaceLoop(uint live, uint min, uint max)
    {
        _blocks = GC.AllocateArray<Block>((int)live, pinned: true);
        SplitMix random = new(Seed);
        foreach (ref Step step in _plan.AsSpan())
        {
            step.Place = random.Below(live);
            step.Size = min + random.Below(max - min + 1);
        }
    }

    public override double PairsPerRound => 1;

    public override uint Run<T>(long rounds)
    {
        uint difference = 0;
        fixed (Step* plan = _plan)
        fixed (Block* blocks = _blocks)
        {
            Fill(T.ForThisThread(), plan, blocks, (uint)_blocks.Length);
            for (long left = rounds, done; left > 0; left -= done)
            {
                done = long.Min(left, StepCount - _next);
                difference |= Loop(T.ForThisThread(), plan + _next, plan + _next + done, blocks);
                _next = (_next + done) % StepCount;
            }
        }

        return difference;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fill<T>(T allocator, Step* plan, Block* blocks, uint live) where T : struct, IAllocator<T>, allows ref struct
    {
        for (uint i = 0; i < live; i++)
        {
            uint size = plan[i % StepCount].Size;
            byte* block = (byte*)allocator.Alloc(size);
            Touches.Write(block, size, i);
            blocks[i] = new Block { Address = block, Size = size };
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Loop<T>(T allocator, Step* step, Step* end, Block* blocks) where T : struct, IAllocator<T>, allows ref struct
    {
        uint difference = 0;
        for (; step != end; step++)
        {
            Block* place = blocks + step->Place;
            difference |= Touches.Difference(place->Address, place->Size, step->Place);
            allocator.Free(place->Address);

            uint size = step->Size;
            byte* block = (byte*)allocator.Alloc(size);
            Touches.Write(block, size, step->Place);
            place->Address = block;
            place->Size = size;
        }

        return difference;
    }

    private struct Step
    {
        public uint Place;
        public uint Size;
    }

    private struct Block
    {
        public byte* Address;
        public uint Size;
    }
}
