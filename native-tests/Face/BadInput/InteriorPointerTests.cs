using SpanHeap.Tests.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

public sealed unsafe class InteriorPointerTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(16, 1)]
    [InlineData(16, 8)]
    [InlineData(64, 16)]
    [InlineData(1000, 512)]
    [InlineData(20_000, 8192)]
    [InlineData(32_768, 32_767)]
    [InlineData(40_000, 1)]
    [InlineData(40_000, 8191)]
    [InlineData(100_000, 16)]
    [InlineData(5 * MiB, 8)]
    [InlineData(5 * MiB, 4096)]
    public void Full_checks_refuse_a_pointer_into_a_block_at_the_call(int size, int offset)
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        nint block = (nint)heap.Alloc((nuint)size);
        Misuse.AssertRefused(heap, block + offset, MisuseKind.InteriorPointer);
        heap.Free((void*)block);
    }

    [Theory]
    [CombinedChecks(8192, 8193, 40_000, 90_000)]
    public void A_pointer_into_a_later_page_of_a_large_block_is_refused_at_the_call(HeapChecks checks, int offset)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        foreach (nuint size in new nuint[] { 100_000, 3 * MiB, 5 * MiB, 40 * MiB })
        {
            nint block = (nint)heap.Alloc(size);
            Misuse.AssertRefused(heap, block + offset, MisuseKind.InteriorPointer);
            Misuse.AssertRefused(heap, block + (nint)size - 1, MisuseKind.InteriorPointer);
            heap.Free((void*)block);
        }
    }

    [Theory]
    [CombinedChecks(1, 16, 8192, (80 * MiB) - 1)]
    public void A_pointer_into_a_huge_block_is_refused_at_the_call(HeapChecks checks, int offset)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        nint block = (nint)heap.Alloc(80 * MiB);
        Misuse.AssertRefused(heap, block + offset, MisuseKind.InteriorPointer);
        heap.Free((void*)block);
    }

    [Theory]
    [InlineData(16, 8)]
    [InlineData(64, 8)]
    [InlineData(64, 63)]
    [InlineData(1000, 512)]
    [InlineData(20_000, 8192)]
    [InlineData(32_768, 32_767)]
    [InlineData(40_000, 16)]
    [InlineData(100_000, 90_000)]
    [InlineData(80 * MiB, 4096)]
    public void Standard_checks_refuse_to_size_or_to_resize_from_inside_a_block_and_name_it(int size, int offset)
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc((nuint)size);
        byte* neighbour = (byte*)heap.Alloc((nuint)size);
        AssertNamesBlock(block, offset, () => heap.UsableSize(block + offset));
        AssertNamesBlock(block, offset, () => heap.Realloc(block + offset, 1));
        AssertNamesBlock(block, offset, () => heap.Realloc(block + offset, (nuint)size));
        AssertNamesBlock(block, offset, () => heap.Realloc(block + offset, 200 * MiB));
        AssertNamesBlock(block, offset, () => heap.AlignedRealloc(block + offset, 10, 4096));
        AssertNamesBlock(block, offset, () => heap.GetLocal().Realloc(block + offset, 10));
        Assert.Equal(0, heap.GetStatistics().MisuseCount);
        heap.Free(block);
        heap.Free(neighbour);
        heap.Verify();
    }

    [Fact]
    public void SpanMemory_refuses_to_resize_from_inside_a_block()
    {
        byte* block = (byte*)SpanMemory.Alloc(64);
        AssertNamesBlock(block, 8, () => SpanMemory.Realloc(block + 8, 200));
        AssertNamesBlock(block, 8, () => SpanMemory.AlignedRealloc(block + 8, 200, 64));
        SpanMemory.Free(block);
    }

    [Fact]
    [Unguarded("a guarded block has no slot that comes back to a span")]
    public void Standard_checks_refuse_to_copy_a_slot_that_holds_no_block()
    {
        using NativeHeap heap = HeapMaker.New();
        void* kept = heap.Alloc(64);
        void* freed = heap.Alloc(64);
        heap.Free(freed);
        heap.Trim();
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => { heap.Realloc(freed, 200); });
        Assert.Equal((MisuseKind.DoubleFree, (nint)freed), (error.Kind, error.Address));
        heap.Free(kept);
        heap.Verify();
    }

    [Fact]
    public void Full_checks_refuse_a_pointer_past_a_spans_last_block()
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        nint block = (nint)heap.Alloc(SpanShape.SizeWithTail());
        nint pastLast = SpanShape.Of(block).PastLast;
        Misuse.AssertRefused(heap, pastLast, MisuseKind.InteriorPointer);
        heap.Free((void*)block);
    }

    [Theory]
    [InlineData(16, 8)]
    [InlineData(64, 16)]
    [InlineData(64, 63)]
    [InlineData(20_000, 8192)]
    [InlineData(32_768, 1)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Standard_checks_drop_and_count_a_pointer_into_a_shared_block_when_it_returns(int size, int offset)
    {
        using NativeHeap heap = HeapMaker.New();
        byte* block = (byte*)heap.Alloc((nuint)size);
        heap.Free(block + offset);
        heap.Trim();
        AssertOneFoundAndNothingElseChanged(heap, block);
    }

    [Fact]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Standard_checks_drop_and_count_a_pointer_past_a_spans_last_block_when_it_returns()
    {
        using NativeHeap heap = HeapMaker.New();
        nint block = (nint)heap.Alloc(SpanShape.SizeWithTail());
        heap.Free((void*)SpanShape.Of(block).PastLast);
        heap.Trim();
        AssertOneFoundAndNothingElseChanged(heap, (void*)block);
    }

    // No promise to find it at the call, but it must not come back from an allocation either way.
    [Theory]
    [InlineData(40_000, 16)]
    [InlineData(100_000, 4096)]
    [InlineData(5 * MiB, 4096)]
    public void Standard_checks_never_hand_out_a_pointer_into_the_first_page_of_a_large_block(int size, int offset)
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        byte* block = (byte*)heap.Alloc((nuint)size);
        bool refused = false;
        try
        {
            heap.Free(block + offset);
        }
        catch (HeapCorruptionException error)
        {
            Assert.Equal(MisuseKind.InteriorPointer, error.Kind);
            refused = true;
        }

        byte* next = (byte*)heap.Alloc((nuint)size);
        Assert.True(next + size <= block || block + size <= next, "two blocks overlap");
        heap.Free(next);
        heap.Trim();
        Assert.Equal(refused ? 0 : 1, heap.GetStatistics().MisuseCount);
        heap.Free(block);
        heap.Verify();
    }

    private static void AssertNamesBlock(byte* block, int offset, Action action)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(action);
        Assert.Equal((MisuseKind.InteriorPointer, (nint)block + offset), (error.Kind, error.Address));
        Assert.Equal((nint)block, error.Block!.Value.Address);
        Assert.Contains($"0x{(nint)block:x}", error.Message, StringComparison.Ordinal);
    }

    private static void AssertOneFoundAndNothingElseChanged(NativeHeap heap, void* block)
    {
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((1, 1), (statistics.MisuseCount, statistics.LiveBlocks));
        Misuse.AssertGoesOn(heap);
        heap.Free(block);
        heap.Trim();
        statistics = heap.GetStatistics();
        Assert.Equal((1, 0, 0), (statistics.MisuseCount, statistics.LiveBlocks, statistics.PagesInUse));
    }
}
