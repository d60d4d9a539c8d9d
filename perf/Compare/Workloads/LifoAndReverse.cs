using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Groups of a hundred blocks of many sizes up to 1000 bytes, fifty groups live. The oldest goes to make room: every second group last in
/// first out, the others in the order in which they came.
/// </summary>
internal sealed unsafe class LifoAndReverse() : Workload(threads: 1)
{
    private const int GroupSize = 100;
    private const int LiveGroups = 50;
    private const int GroupsPerPass = 3_000;
    private const int MaxSize = 1000;

    private readonly nuint[] _blocks = GC.AllocateArray<nuint>(LiveGroups * GroupSize, pinned: true);
    // Every group has the same sizes, each its own first: what is freed in one is what the next asks for in another order.
    private readonly uint[] _sizes = GC.AllocateArray<uint>(GroupSize + LiveGroups, pinned: true);

    public override long Operations => (long)GroupsPerPass * GroupSize;

    public override void Prepare()
    {
        SizeDistribution sizes = Sizes.SkewedSmall(1, MaxSize);
        var random = new Random(6);
        for (int i = 0; i < _sizes.Length; i++)
        {
            _sizes[i] = sizes(random);
        }
    }

    public override void Fill<T>()
    {
        for (int group = 0; group < LiveGroups; group++)
        {
            Visit<T>(group, free: false, allocate: true);
        }
    }

    public override void Run<T>()
    {
        for (int i = 0; i < GroupsPerPass; i++)
        {
            Visit<T>(i % LiveGroups, free: true, allocate: true);
        }
    }

    public override void Drain<T>()
    {
        for (int group = 0; group < LiveGroups; group++)
        {
            Visit<T>(group, free: true, allocate: false);
        }
    }

    /// <summary>Each block is looked at when it is freed.</summary>
    public override void Verify() { }

    private void Visit<T>(int group, bool free, bool allocate) where T : struct, IAllocator<T>, allows ref struct
    {
        fixed (nuint* blocks = &_blocks[group * GroupSize])
        fixed (uint* sizes = &_sizes[group])
        {
            if (free)
            {
                Free(T.ForThisThread(), blocks, sizes, lifo: group % 2 == 0);
            }

            if (allocate)
            {
                Allocate(T.ForThisThread(), blocks, sizes);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Allocate<T>(T allocator, nuint* blocks, uint* sizes) where T : struct, IAllocator<T>, allows ref struct
    {
        for (int i = 0; i < GroupSize; i++)
        {
            byte* block = (byte*)allocator.Alloc(sizes[i]);
            EveryPage.Write(block, sizes[i], (uint)i);
            blocks[i] = (nuint)block;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Free<T>(T allocator, nuint* blocks, uint* sizes, bool lifo) where T : struct, IAllocator<T>, allows ref struct
    {
        int i = lifo ? GroupSize - 1 : 0, step = lifo ? -1 : 1;
        for (int left = GroupSize; left > 0; left--, i += step)
        {
            if (!EveryPage.Holds((byte*)blocks[i], sizes[i], (uint)i))
            {
                WrongContentsException.ThrowOverwritten(blocks[i], sizes[i]);
            }

            allocator.Free((void*)blocks[i]);
        }
    }
}
