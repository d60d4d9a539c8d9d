using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

public sealed unsafe class OtherHeapTests
{
    [Theory]
    [CombinedChecks(0, 16, 5000, 40_000, 5 << 20, 80 << 20)]
    public void A_block_of_another_heap_is_refused_and_stays_that_heaps(HeapChecks checks, int size)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        using NativeHeap other = HeapMaker.New();
        heap.Free(heap.Alloc((nuint)size));
        nint block = (nint)other.Alloc((nuint)size);
        Misuse.AssertRefused(heap, block, MisuseKind.OtherHeap);
        Assert.False(heap.Contains((void*)block));
        Assert.False(heap.TryFindBlock((void*)block, out _));
        Assert.True(other.Contains((void*)block));
        other.Free((void*)block);
        other.Verify();
    }

    [Fact]
    public void The_shared_heaps_blocks_are_another_heaps_and_the_reverse()
    {
        using NativeHeap heap = HeapMaker.New();
        nint shared = (nint)SpanMemory.Alloc(100);
        nint own = (nint)heap.Alloc(100);
        Misuse.AssertRefused(heap, shared, MisuseKind.OtherHeap);
        Assert.Equal(MisuseKind.OtherHeap, Assert.Throws<HeapCorruptionException>(() => SpanMemory.Free((void*)own)).Kind);
        SpanMemory.Free((void*)shared);
        heap.Free((void*)own);
    }

    [Fact]
    public void An_address_inside_another_heaps_large_block_is_that_heaps()
    {
        using NativeHeap heap = HeapMaker.New();
        using NativeHeap other = HeapMaker.New();
        Misuse.AssertRefused(heap, (nint)other.Alloc(1 << 20) + 100_000, MisuseKind.OtherHeap);
        Misuse.AssertRefused(heap, (nint)other.Alloc(80 << 20) + 100_000, MisuseKind.OtherHeap);
    }

    [Fact]
    public void A_thread_that_uses_many_heaps_keeps_them_apart()
    {
        NativeHeap[] heaps = [.. Enumerable.Range(0, 20).Select(static _ => HeapMaker.New())];
        nint[] blocks = [.. heaps.Select(static heap => (nint)heap.Alloc(64))];
        for (int i = 0; i < heaps.Length; i++)
        {
            NativeHeap neighbour = heaps[(i + 1) % heaps.Length];
            nint block = blocks[i];
            Assert.Equal(MisuseKind.OtherHeap, Assert.Throws<HeapCorruptionException>(() => neighbour.Free((void*)block)).Kind);
            heaps[i].Free((void*)block);
            Assert.Equal(0, heaps[i].GetStatistics().LiveBlocks);
        }

        Array.ForEach(heaps, static heap => heap.Dispose());
    }
}
