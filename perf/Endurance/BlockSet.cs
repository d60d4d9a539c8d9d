using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Endurance;

/// <summary>Many blocks of mixed size. The list of them is there, and resident, before the first is allocated.</summary>
internal sealed unsafe class BlockSet
{
    private const uint PageSize = 4096;

    private readonly uint[] _sizes;
    private readonly nuint[] _blocks;
    private readonly int _seed;

    public BlockSet(int seed, long bytes)
    {
        _seed = seed;
        var mix = new SizeMix((uint)seed, 16, 64 << 10);
        List<uint> sizes = [];
        for (long rest = bytes; rest > 0; rest -= sizes[^1])
        {
            sizes.Add(mix.Next());
        }

        _sizes = [.. sizes];
        _blocks = GC.AllocateArray<nuint>(_sizes.Length, pinned: true);
        // Compiles the loops and touches the list.
        Allocate<NullAllocator>();
        Free<NullAllocator>(0, 1);
    }

    /// <summary>Allocates all blocks and touches each of their pages.</summary>
    public void Allocate<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        for (int i = 0; i < _sizes.Length; i++)
        {
            uint size = _sizes[i];
            byte* block = (byte*)allocator.Alloc(size);
            if (T.HandsOutMemory)
            {
                for (uint at = 0; at < size; at += PageSize)
                {
                    block[at] = 1;
                }

                block[size - 1] = 1;
            }

            _blocks[i] = (nuint)block;
        }
    }

    /// <summary>From here on <see cref="Free"/> takes the blocks in random order.</summary>
    public void Shuffle() => new Random(_seed).Shuffle(_blocks);

    /// <summary>Frees every <paramref name="step"/>th block from <paramref name="first"/> on.</summary>
    public void Free<T>(int first, int step) where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        for (int i = first; i < _blocks.Length; i += step)
        {
            allocator.Free((void*)_blocks[i]);
        }
    }
}
