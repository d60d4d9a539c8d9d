using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>So many blocks are live; each step frees a random one and allocates another in its place.</summary>
/// <param name="live">How many, for each thread.</param>
/// <param name="steps">How many steps a thread makes in a pass.</param>
/// <param name="sizes">The distribution of the sizes.</param>
/// <param name="threads">How many threads, each with blocks of its own.</param>
internal sealed unsafe class Replace<TAccess>(int live, int steps, SizeDistribution sizes, int threads = 1) : Workload(threads), IArrayWorkload
    where TAccess : struct, IAccessPattern
{
    private const int Chunks = 50;

    private readonly int _steps = steps / Chunks * Chunks;
    private Step[] _plan = [];
    private Block[][] _blocks = [];
    private ArrayBlock[][] _arrays = [];

    public override long Operations => (long)_steps * Threads;

    public override bool ShowsIdle => ShowsIdleMemory;

    public override bool RunsAlone => IsVast;

    /// <inheritdoc cref="Workload.RunsAlone"/>
    public bool IsVast { get; init; }

    /// <inheritdoc cref="Workload.ShowsIdle"/>
    public bool ShowsIdleMemory { get; init; }

    public override void Prepare()
    {
        var random = new Random(1);
        _plan = GC.AllocateUninitializedArray<Step>(_steps, pinned: true);
        _blocks = [.. Enumerable.Range(0, Threads).Select(_ => GC.AllocateArray<Block>(live, pinned: true))];
        for (int i = 0; i < _plan.Length; i++)
        {
            _plan[i] = new Step(random.Next(live), sizes(random));
        }
    }

    public override void Fill<T>() => RunOnThreads(thread =>
    {
        T allocator = T.ForThisThread();
        for (int i = 0; i < live; i++)
        {
            uint size = _plan[i % _plan.Length].Size;
            byte* block = (byte*)allocator.Alloc(size);
            TAccess.Write(block, size, (uint)i);
            _blocks[thread][i] = new Block(block, size);
        }
    });

    public override void Run<T>() => RunOnThreads(thread =>
    {
        int length = _plan.Length / Chunks;
        fixed (Step* plan = _plan)
        fixed (Block* blocks = _blocks[thread])
        {
            for (int i = 0; i < Chunks; i++)
            {
                Loop(T.ForThisThread(), plan + (i * length), plan + ((i + 1) * length), blocks);
            }
        }
    });

    public override void Drain<T>() => RunOnThreads(thread =>
    {
        T allocator = T.ForThisThread();
        foreach (Block block in _blocks[thread])
        {
            allocator.Free(block.Address);
        }

        Array.Clear(_blocks[thread]);
    });

    public void RunArrays<T>() where T : struct, IArraySource
    {
        if (_arrays.Length == 0)
        {
            _arrays = [.. Enumerable.Range(0, Threads).Select(_ => new ArrayBlock[live])];
        }

        RunOnThreads(thread =>
        {
            int length = _plan.Length / Chunks;
            for (int i = 0; i < Chunks; i++)
            {
                ArrayLoop<T>(_plan.AsSpan(i * length, length), _arrays[thread]);
            }
        });
    }

    public override void Verify()
    {
        foreach (Block[] blocks in _blocks)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                if (blocks[i].Address != null)
                {
                    Check(blocks[i].Address, blocks[i].Size, (uint)i);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Loop<T>(T allocator, Step* step, Step* end, Block* blocks) where T : struct, IAllocator<T>, allows ref struct
    {
        for (; step != end; step++)
        {
            Block* place = blocks + step->Place;
            Check(place->Address, place->Size, (uint)step->Place);
            allocator.Free(place->Address);

            uint size = step->Size;
            byte* block = (byte*)allocator.Alloc(size);
            TAccess.Write(block, size, (uint)step->Place);
            *place = new Block(block, size);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ArrayLoop<T>(ReadOnlySpan<Step> steps, ArrayBlock[] blocks) where T : struct, IArraySource
    {
        foreach (Step step in steps)
        {
            ref ArrayBlock place = ref blocks[step.Place];
            if (place.Array is { } old)
            {
                fixed (byte* block = old)
                {
                    Check(block, place.Size, (uint)step.Place);
                }

                T.Return(old);
            }

            byte[] array = T.Rent((int)step.Size);
            fixed (byte* block = array)
            {
                TAccess.Write(block, step.Size, (uint)step.Place);
            }

            place = new ArrayBlock(array, step.Size);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Check(byte* block, uint size, uint tag)
    {
        if (!TAccess.Holds(block, size, tag))
        {
            WrongContentsException.ThrowOverwritten((nuint)block, size);
        }
    }

    private readonly record struct Step(int Place, uint Size);

    private readonly struct Block(byte* address, uint size)
    {
        public byte* Address { get; } = address;

        public uint Size { get; } = size;
    }

    private readonly record struct ArrayBlock(byte[]? Array, uint Size);
}
