using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face;

/// <summary>The methods that return null where others throw, and the typed ones that take an <see cref="int"/>.</summary>
public sealed unsafe class TryAllocTests
{
    private const nuint MiB = 1 << 20;
    private static readonly nuint s_impossible = (nuint)1 << 60;

    public static TheoryData<HeapChecks, GuardMode> Heaps => new()
    {
        { HeapChecks.Standard, GuardMode.Off },
        { HeapChecks.Full, GuardMode.Off },
        { HeapChecks.Full, GuardMode.All },
        { HeapChecks.Standard, GuardMode.Sampled },
    };

    [Theory]
    [MemberData(nameof(Heaps))]
    public void They_give_blocks_as_the_others_do(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = New(checks, guard);
        foreach (int size in (int[])[0, 1, 8, 100, 5000, 32_768, 32_769, 1_000_000, 70_000_000])
        {
            // The second comes from what the first has left at hand.
            for (int round = 0; round < 2; round++)
            {
                byte* block = (byte*)heap.TryAlloc((nuint)size);
                byte* aligned = (byte*)heap.TryAlignedAlloc((nuint)size, 256);
                new System.Span<byte>(block, size).Fill(1);
                new System.Span<byte>(aligned, size).Fill(2);
                Assert.Equal(0u, (nuint)aligned % 256);
                block = (byte*)heap.TryRealloc(block, (nuint)size + 100_000);
                Assert.Equal(-1, new System.Span<byte>(block, size).IndexOfAnyExcept((byte)1));
                block = (byte*)heap.TryRealloc(block, 10);
                heap.Free(block);
                heap.Free(aligned);
                heap.Free(heap.TryRealloc(null, (nuint)size));
            }
        }

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Theory]
    [MemberData(nameof(Heaps))]
    public void At_the_limit_they_return_null_without_an_exception_and_change_nothing(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = New(checks, guard, limit: 8 * MiB);
        byte* block = (byte*)heap.TryAlloc(2 * MiB);
        block[2 * MiB - 1] = 7;
        int thrown = 0;
        int thread = Environment.CurrentManagedThreadId;
        AppDomain.CurrentDomain.FirstChanceException += Count;
        foreach (nuint size in (nuint[])[8 * MiB, 100 * MiB, s_impossible, nuint.MaxValue])
        {
            Assert.True(heap.TryAlloc(size) == null);
            Assert.True(heap.TryAlignedAlloc(size, 64) == null);
            Assert.True(heap.TryAlignedAlloc(size, 1 << 24) == null);
            Assert.True(heap.TryRealloc(block, size) == null);
            Assert.True(heap.TryRealloc(null, size) == null);
        }

        AppDomain.CurrentDomain.FirstChanceException -= Count;
        Assert.Equal(0, thrown);
        Assert.Equal(1, heap.GetStatistics().LiveBlocks);
        Assert.Equal(7, block[2 * MiB - 1]);
        heap.Free(heap.Alloc(MiB));
        heap.Free(block);
        heap.Verify();

        void Count(object? sender, EventArgs e) => thrown += Environment.CurrentManagedThreadId == thread ? 1 : 0;
    }

    [Fact]
    public void Many_small_blocks_end_at_the_limit_with_null()
    {
        using NativeHeap heap = HeapMaker.New(limit: 4 * MiB);
        List<nint> blocks = [];
        for (nint block; (block = (nint)heap.TryAlloc(1000)) != 0;)
        {
            blocks.Add(block);
        }

        Assert.InRange(blocks.Count, 2000, 4200);
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
    }

    [Fact]
    public void The_shared_heap_has_them_too()
    {
        void* block = SpanMemory.TryAlloc(100);
        block = SpanMemory.TryRealloc(block, 100_000);
        Assert.True(block != null);
        SpanMemory.Free(block);
        block = SpanMemory.TryAlignedAlloc(100, 512);
        Assert.Equal(0u, (nuint)block % 512);
        SpanMemory.Free(block);
        SpanMemory.Free(SpanMemory.TryAlloc(1_000_000));
        Assert.True(SpanMemory.TryAlloc(s_impossible) == null);
        Assert.True(SpanMemory.TryAlignedAlloc(s_impossible, 64) == null);
        Assert.True(SpanMemory.TryRealloc(null, s_impossible) == null);
        Assert.Throws<ArgumentException>(() => SpanMemory.TryAlignedAlloc(1, 3));
    }

    [Fact]
    public void A_count_may_be_an_int()
    {
        using NativeHeap heap = HeapMaker.New();
        int count = 100;
        long* values = heap.AllocZeroed<long>(count);
        Assert.Equal(-1, new System.Span<long>(values, count).IndexOfAnyExcept(0));
        values[99] = 5;
        values = heap.Realloc(values, 2 * count);
        Assert.Equal(5, values[99]);
        heap.Free(values);
        heap.Free(heap.Alloc<long>(count));

        values = SpanMemory.AllocZeroed<long>(count);
        Assert.Equal(0, values[99]);
        values = SpanMemory.Realloc(values, 2 * count);
        values = SpanMemory.Realloc(values, (nuint)300);
        SpanMemory.Free(values);
        SpanMemory.Free(SpanMemory.Alloc<long>(count));
        SpanMemory.Free(SpanMemory.Alloc<long>((nuint)count));
        SpanMemory.Free(SpanMemory.AllocZeroed<long>((nuint)count));
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_negative_count_is_refused()
    {
        using NativeHeap heap = HeapMaker.New();
        Action[] calls =
        [
            () => heap.Alloc<int>(-1), () => heap.AllocZeroed<int>(-1), () => heap.Realloc<int>(null, -1),
            () => SpanMemory.Alloc<int>(-1), () => SpanMemory.AllocZeroed<int>(-1), () => SpanMemory.Realloc<int>(null, -1),
        ];
        Assert.All(calls, static call => Assert.Throws<ArgumentOutOfRangeException>(call));
        Assert.Throws<OutOfMemoryException>(() => heap.Alloc<long>(nuint.MaxValue / 2));
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Theory]
    [MemberData(nameof(Heaps))]
    public void A_good_size_is_that_of_the_block_which_an_allocation_gives(HeapChecks checks, GuardMode guard)
    {
        // A sample guards blocks of its own choice, which end where they were requested to.
        using NativeHeap heap = New(checks, guard == GuardMode.Sampled ? GuardMode.Off : guard);
        foreach (int size in (int[])[0, 1, 8, 9, 100, 4097, 32_768, 32_769, 33_000, 1_000_000, 3_000_000, 5_000_001, 70_000_001])
        {
            void* block = heap.Alloc((nuint)size);
            Assert.Equal(heap.UsableSize(block), heap.GoodSize((nuint)size));
            Assert.Equal(heap.GoodSize((nuint)size), heap.GoodSize(heap.GoodSize((nuint)size)));
            heap.Free(block);
        }

        Assert.Equal(nuint.MaxValue, heap.GoodSize(nuint.MaxValue));
        Assert.InRange(SpanMemory.GoodSize(100), 100u, 112u);
    }

    private static NativeHeap New(HeapChecks checks, GuardMode guard, nuint limit = 0) =>
        new(new NativeHeapOptions { Checks = checks, MemoryLimit = limit, ScavengeDelay = Timeout.InfiniteTimeSpan, Guard = { Mode = guard, Rate = 2 } });
}
