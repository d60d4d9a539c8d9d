using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>A traced heap and its manual side are one heap.</summary>
public sealed unsafe class NativeSideTests
{
    [Fact]
    public void The_manual_side_lives_as_long_as_the_heap_and_cannot_be_disposed()
    {
        NativeHeap native;
        using (TracedHeap heap = new(new TracedHeapOptions { Name = "Both" }))
        {
            native = heap.Native;
            Assert.Contains("dispose the TracedHeap", Assert.Throws<InvalidOperationException>(native.Dispose).Message, StringComparison.Ordinal);
            Assert.Equal(("Both", false, false), (native.Name, native.IsDisposed, heap.IsDisposed));
            native.Free(native.Alloc(100));
        }

        Assert.True(native.IsDisposed);
        Assert.Throws<ObjectDisposedException>(() => native.Alloc(100));
    }

    [Fact]
    public void Both_kinds_of_blocks_share_pages_and_statistics()
    {
        using TracedHeap heap = TracedHeaps.Still();
        void* block = heap.Native.Alloc(100);
        using (TracedScope scope = heap.Enter())
        {
            scope.New<Node>();
        }

        HeapStatistics statistics = heap.Native.GetStatistics();
        Assert.Equal((1, 1, 1), (statistics.LiveBlocks, statistics.TracedSpans, statistics.Arenas));
        heap.Native.Free(block);
        heap.CollectAndSweep();
    }

    [Fact]
    public void To_verify_the_manual_side_verifies_the_traced_one()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using MarkSession marking = heap.BeginMark();
        Assert.Contains(nameof(MarkSession), Assert.Throws<InvalidOperationException>(heap.Native.Verify).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_of_traced_memory_make_no_traced_memory_in_a_manual_heap()
    {
        using NativeHeap heap = new(new TracedHeapOptions { MemoryLimit = 64 << 20 });
        heap.Free(heap.Alloc(100));
        Assert.Equal((nuint)64 << 20, heap.MemoryLimit);
        Assert.False(heap.Core.HasTraced);
        heap.Verify();
    }
}
