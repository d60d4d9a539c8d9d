using SpanHeap.Tests.Face.Contract;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face;

/// <summary>What a heap of one's own adds: typed helpers, local handles, several heaps, Trim.</summary>
public sealed unsafe class NativeHeapTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Typed_blocks_hold_as_many_values_as_asked_for()
    {
        using NativeHeap heap = HeapMaker.New();
        long* values = heap.Alloc<long>(1000);
        Assert.True(heap.UsableSize(values) >= 8000);
        Guid* zeroed = heap.AllocZeroed<Guid>(300);
        Assert.Equal(-1, new Span<Guid>(zeroed, 300).IndexOfAnyExcept(Guid.Empty));
        for (int i = 0; i < 1000; i++)
        {
            values[i] = i * 3L;
        }

        values = heap.Realloc(values, 50_000);
        Assert.True(heap.UsableSize(values) >= 400_000);
        Assert.Equal(Enumerable.Range(0, 1000).Select(static i => i * 3L), new Span<long>(values, 1000).ToArray());
        heap.Free(values);
        heap.Free(zeroed);
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Typed_counts_that_overflow_are_out_of_memory()
    {
        using NativeHeap heap = HeapMaker.New();
        nuint tooMany = (nuint.MaxValue / 8) + 2;
        foreach (nuint size in new nuint[] { 1, 10_000, 50_000 })
        {
            long* values = heap.Alloc<long>(size);
            Assert.Throws<OutOfMemoryException>(() => { heap.Alloc<long>(tooMany); });
            Assert.Throws<OutOfMemoryException>(() => { heap.AllocZeroed<long>(tooMany); });
            Assert.Throws<OutOfMemoryException>(() => { heap.Realloc(values, tooMany); });
            heap.Verify();
            heap.Free(values);
        }
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_local_handle_does_what_the_heap_does(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        LocalHeap local = heap.GetLocal();
        foreach (nuint size in new nuint[] { 0, 1, 100, 5000, 40_000, 5 * MiB, 80 * MiB })
        {
            void* plain = local.Alloc(size);
            byte* zeroed = (byte*)local.AllocZeroed(size);
            void* aligned = local.AlignedAlloc(size, 256);
            aligned = local.AlignedRealloc(aligned, 2 * size, 256);
            Assert.True(heap.Contains(plain) && heap.Contains(zeroed));
            Assert.Equal(-1, new Span<byte>(zeroed, (int)size).IndexOfAnyExcept((byte)0));
            Assert.Equal(0, (nint)aligned % 256);
            Pattern.Write(plain, size, 1);
            plain = local.Realloc(plain, size + 1000);
            Pattern.AssertKept(plain, size, size, 1);
            local.Free(plain);
            local.Free(zeroed);
            heap.Free(aligned);
        }

        local.Free(null);
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Fact]
    public void A_local_handle_refuses_alignments_that_are_no_power_of_two()
    {
        using NativeHeap heap = HeapMaker.New();
        Assert.Throws<ArgumentException>(() => { heap.GetLocal().AlignedAlloc(10, 0); });
        Assert.Throws<ArgumentException>(() => { heap.GetLocal().AlignedAlloc(10, 24); });
        Assert.Throws<ArgumentException>(() => { heap.GetLocal().AlignedRealloc(null, 10, 24); });
    }

    [Fact]
    public void The_shared_heap_is_what_SpanMemory_uses()
    {
        void* block = SpanMemory.Alloc(100);
        Assert.True(NativeHeap.Shared.Contains(block));
        Assert.Same(NativeHeap.Shared, NativeHeap.Shared);
        NativeHeap.Shared.Free(block);
        SpanMemory.Free(NativeHeap.Shared.Alloc(100));
        LocalHeap local = NativeHeap.Shared.GetLocal();
        SpanMemory.Free(local.Alloc(100));
    }

    [Fact]
    public void Plain_and_aligned_families_are_interchangeable()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.AlignedFree(heap.Alloc(100));
        heap.Free(heap.AlignedAlloc(100, 4096));
        heap.Free(heap.AlignedRealloc(heap.Alloc(100), 200, 64));
        heap.AlignedFree(heap.Realloc(heap.AlignedAlloc(100, 64), 50_000));
        heap.Free(heap.Realloc(heap.AlignedAlloc(100, 128 * MiB), 80 * MiB));
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Fact]
    public void Several_heaps_at_once_share_nothing()
    {
        NativeHeap[] heaps = [.. Enumerable.Range(0, 12).Select(static i => HeapMaker.New((HeapChecks)(i % 2)))];
        List<(int Heap, nint Block, int Size)> live = [];
        Random random = new(9);
        for (int i = 0; i < 20_000; i++)
        {
            int heap = random.Next(heaps.Length);
            int size = random.Next(3000);
            nint block = (nint)heaps[heap].Alloc((nuint)size);
            Pattern.Write((void*)block, (nuint)size, heap);
            live.Add((heap, block, size));
        }

        for (int heap = 0; heap < heaps.Length; heap++)
        {
            Assert.Equal(live.Count(b => b.Heap == heap), heaps[heap].GetStatistics().LiveBlocks);
        }

        foreach ((int heap, nint block, int size) in live)
        {
            Pattern.AssertKept((void*)block, (nuint)size, (nuint)size, heap);
            Assert.False(heaps[(heap + 1) % heaps.Length].Contains((void*)block));
            heaps[heap].Free((void*)block);
        }

        Array.ForEach(heaps, static heap =>
        {
            heap.Verify();
            Assert.Equal(0, heap.GetStatistics().LiveBlocks);
            heap.Dispose();
        });
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_trim_gives_all_free_memory_back(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        nint[] blocks = [.. Enumerable.Range(0, 20_000).Select(i => (nint)heap.Alloc((nuint)(i % 5000)))];
        nint[] large = [.. Enumerable.Range(1, 50).Select(i => (nint)heap.Alloc((nuint)i * 100_000))];
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Array.ForEach(large, block => heap.Free((void*)block));
        heap.Trim();
        HeapStatistics s = heap.GetStatistics();
        Assert.Equal((0, 0, 0, 0), (s.CachedBlocks, s.PagesOfProgram(), s.PagesFree, s.Spans - s.Guard.QuarantinedBlocks));
        heap.Verify();
        heap.Trim();
        Misuse.AssertGoesOn(heap);
    }

    [Fact]
    public void A_trim_keeps_what_is_allocated()
    {
        using NativeHeap heap = HeapMaker.New();
        nint[] blocks = [.. Enumerable.Range(0, 3000).Select(i => (nint)heap.Alloc((nuint)(i % 3000)))];
        for (int i = 0; i < blocks.Length; i++)
        {
            Pattern.Write((void*)blocks[i], (nuint)(i % 3000), i);
        }

        for (int i = 0; i < blocks.Length; i += 2)
        {
            heap.Free((void*)blocks[i]);
        }

        heap.Trim();
        Assert.Equal(1500, heap.GetStatistics().LiveBlocks);
        for (int i = 1; i < blocks.Length; i += 2)
        {
            Pattern.AssertKept((void*)blocks[i], (nuint)(i % 3000), (nuint)(i % 3000), i);
        }
    }

    [Fact]
    public void A_trim_takes_back_what_this_thread_freed_for_one_that_sleeps()
    {
        using NativeHeap heap = HeapMaker.New();
        using ManualResetEventSlim allocated = new();
        using ManualResetEventSlim done = new();
        nint[] blocks = [];

        // The sleeper comes to the heap first, and keeps nothing on its own stacks.
        Thread sleeper = new(() =>
        {
            blocks = [.. Enumerable.Range(0, 5000).Select(_ => (nint)heap.Alloc(64))];
            heap.Trim();
            allocated.Set();
            done.Wait();
        });
        sleeper.Start();
        allocated.Wait();
        heap.Free(heap.Alloc(1));
        Array.ForEach(blocks, block => heap.Free((void*)block));
        heap.Trim();
        HeapStatistics s = heap.GetStatistics();
        done.Set();
        sleeper.Join();
        heap.Verify();
        Assert.Equal((0, 0, 0), (s.LiveBlocks, s.CachedBlocks, s.PagesOfProgram()));
    }
}
