using SpanHeap.Caches;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>Blocks that share spans are resized without a lock, by the stacks of the calling thread.</summary>
[Unguarded("guarded blocks always move, and never to a stack")]
public sealed unsafe class ResizeTests
{
    [Fact]
    public void A_growing_block_comes_from_one_stack_and_goes_to_the_other()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Free(heap.Alloc(200));
        byte* block = (byte*)heap.Alloc(100);
        new Span<byte>(block, 100).Fill(7);
        int small = Stack(heap, 100)->Count, large = Stack(heap, 200)->Count;
        void* next = (void*)Stack(heap, 200)->Top[-1];

        byte* grown = (byte*)heap.Realloc(block, 200);

        Assert.Equal(((nint)next, small + 1, large - 1), ((nint)grown, Stack(heap, 100)->Count, Stack(heap, 200)->Count));
        Assert.Equal(100, new Span<byte>(grown, 100).Count((byte)7));
        heap.Free(grown);
        heap.Verify();
    }

    [Theory]
    [InlineData(100, 90)]
    [InlineData(100, 112)]
    [InlineData(1000, 449)]
    [InlineData(64, 0)]
    public void A_block_whose_slot_suits_stays(int from, int to)
    {
        using NativeHeap heap = StressHeap.Still();
        void* block = heap.Alloc((nuint)from);

        Assert.True(block == heap.Realloc(block, (nuint)to));

        heap.Free(block);
    }

    [Fact]
    public void A_stack_without_blocks_is_refilled()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* block = (byte*)heap.Alloc(100);
        block[99] = 7;
        Assert.Equal(0, Stack(heap, 3000)->Count);

        byte* grown = (byte*)heap.Realloc(block, 3000);

        Assert.Equal(7, grown[99]);
        heap.Free(grown);
        heap.Verify();
    }

    [Fact]
    public void A_full_stack_makes_room_for_what_was_moved_away()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 2000, 100);
        for (int i = 0; i < blocks.Length; i++)
        {
            *(int*)blocks[i] = i;
            blocks[i] = (nint)heap.Realloc((void*)blocks[i], 200);
        }

        Assert.Equal(Enumerable.Range(0, blocks.Length), blocks.Select(static block => *(int*)block));
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
    }

    [Fact]
    public void A_block_that_went_back_to_its_span_is_refused()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Free(heap.Alloc(200));
        void* block = heap.Alloc(100);
        void* other = heap.Alloc(100);
        heap.Free(block);
        heap.Core.Caches.DrainStacks(heap.Core.FindOwnCache());
        heap.Core.Caches.DrainBins(heap.Core.FindOwnCache(), idleOnly: false);
        heap.Free(heap.Alloc(200));

        Assert.Equal(MisuseKind.DoubleFree, Assert.Throws<HeapCorruptionException>(() => heap.Realloc(block, 200)).Kind);

        heap.Verify();
        heap.Free(other);
    }

    [Fact]
    public void Another_threads_block_returns_to_its_owner()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* block = (byte*)heap.Alloc(100);
        block[99] = 7;
        StressThreads.RunOne(() =>
        {
            heap.Free(heap.Alloc(200));
            byte* grown = (byte*)heap.Realloc(block, 200);
            Assert.Equal(7, grown[99]);
            heap.Free(grown);
        });

        heap.Verify();
    }

    private static ClassStack* Stack(NativeHeap heap, nuint byteCount) => ThreadCache.Stack(heap.Core.FindOwnCache(), SizeClasses.OfShared(byteCount));
}
