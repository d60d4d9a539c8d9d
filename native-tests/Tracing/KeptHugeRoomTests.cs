using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tracing;

public sealed unsafe class KeptHugeRoomTests
{
    [Fact]
    [Unguarded("guarded huge blocks are never kept")]
    public void Freed_huge_blocks_that_are_kept_make_no_collection_due()
    {
        using NativeHeap heap = new(new NativeHeapOptions
        {
            Traced = true,
            TracedMemoryLimit = 256 << 20,
            TracedMinimum = nuint.MaxValue >> 2,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            TracedIdleDelay = Timeout.InfiniteTimeSpan,
        });
        heap.Free(heap.Alloc(250 << 20));
        Assert.Equal(250L << 20, heap.GetStatistics().CachedHugeBytes);
        for (int i = 0; i < 100; i++)
        {
            using GcScope scope = heap.Enter();
            scope.NewValues<byte>(100_000);
        }

        Assert.Equal(0, heap.GetTracedStatistics().Collections);
    }
}
