using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// After rpmalloc's benchmark: each thread replaces blocks all over its thousand slots, sizes falling off in a line to 16,000 bytes,
/// touches their pages, and in every second loop hands 30 to 100 blocks to its neighbour to be freed.
/// </summary>
internal sealed unsafe class ScatterAndPass(int threads) : CheckedWorkload(threads)
{
    private const int Slots = 1000;
    private const int Loops = 6000;
    private const int OperationsPerLoop = 100;
    private const int CrossRate = 2;
    private const int MinPassed = 30;
    private const int MaxPassed = 100;
    private const int MinSize = 8;
    private const int MaxSize = 16_000;
    private const int SizeCount = 2000;
    private const uint PageSize = 4096;

    // Prime to the number of slots and of sizes, so that every one has its turn, and none soon again.
    private const int SlotStep = 617;
    private const int SizeStep = 1103;
    private const int PassedStep = 37;

    // Each loop begins elsewhere among the sizes, in a cycle of 2000 loops: a slot that comes up every tenth gets another size each time.
    private const int FirstSizeStep = 457;

    private readonly MarkedBlock[] _slots = GC.AllocateArray<MarkedBlock>(Slots * threads, pinned: true);
    private readonly ParcelBoxes _boxes = new(threads);
    private uint[] _sizes = [];

    public override long Operations =>
        ((long)Loops * OperationsPerLoop + Enumerable.Range(0, Loops).Where(Passes).Sum(loop => (long)PassedIn(loop))) * Threads;

    public override void Prepare() => _sizes = SizeTable.Make(SizeCount, random =>
    {
        double even = random.NextDouble() * (MaxSize - MinSize);
        return MinSize + (uint)(even * Math.Abs(random.NextDouble() + random.NextDouble() - 1));
    });

    public override void Fill<T>()
    {
        T allocator = T.ForThisThread();
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = Alloc(allocator, _sizes[i % SizeCount], (uint)i);
        }
    }

    public override void Run<T>() => RunOnThreads(index =>
    {
        long wrong = 0;
        for (int loop = 0; loop < Loops; loop++)
        {
            wrong += RunLoop(T.ForThisThread(), index, loop);
        }

        AddWrong(wrong);
    });

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        foreach (MarkedBlock block in _slots)
        {
            AddWrong(block.Wrong);
            allocator.Free(block.Address);
        }

        for (int i = 0; i < Threads; i++)
        {
            AddWrong(_boxes.FreeAll(allocator, i));
        }
    }

    private static bool Passes(int loop) => loop % CrossRate == 0;

    private static int PassedIn(int loop) => MinPassed + (loop * PassedStep % (MaxPassed - MinPassed + 1));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long RunLoop<T>(T allocator, int index, int loop) where T : struct, IAllocator<T>, allows ref struct
    {
        Span<MarkedBlock> slots = _slots.AsSpan(index * Slots, Slots);
        int slot = loop * OperationsPerLoop * SlotStep % Slots, size = loop * FirstSizeStep % SizeCount;
        long wrong = 0;
        for (int i = 0; i < OperationsPerLoop; i++)
        {
            wrong += slots[slot].Wrong;
            allocator.Free(slots[slot].Address);
            slots[slot] = Alloc(allocator, _sizes[size], (uint)(loop + i));
            slot = (slot + SlotStep) % Slots;
            size = (size + SizeStep) % SizeCount;
        }

        if (Passes(loop))
        {
            wrong += Pass(allocator, (index + 1) % Threads, PassedIn(loop), size);
        }

        return wrong + _boxes.FreeAll(allocator, index);
    }

    private long Pass<T>(T allocator, int neighbour, int count, int size) where T : struct, IAllocator<T>, allows ref struct
    {
        Span<MarkedBlock> passed = stackalloc MarkedBlock[count];
        foreach (ref MarkedBlock block in passed)
        {
            block = Alloc(allocator, _sizes[size], (uint)size);
            size = (size + SizeStep) % SizeCount;
        }

        return _boxes.TryPost(allocator, neighbour, passed) ? 0 : FreeHere(allocator, passed);
    }

    private static long FreeHere<T>(T allocator, ReadOnlySpan<MarkedBlock> blocks) where T : struct, IAllocator<T>, allows ref struct
    {
        long wrong = 0;
        foreach (MarkedBlock block in blocks)
        {
            wrong += block.Wrong;
            allocator.Free(block.Address);
        }

        return wrong;
    }

    private static MarkedBlock Alloc<T>(T allocator, uint size, uint mark) where T : struct, IAllocator<T>, allows ref struct
    {
        byte* block = (byte*)allocator.Alloc(size);
        for (uint at = PageSize; at < size; at += PageSize)
        {
            block[at] = (byte)mark;
        }

        return MarkedBlock.Write(block, size, mark);
    }
}
