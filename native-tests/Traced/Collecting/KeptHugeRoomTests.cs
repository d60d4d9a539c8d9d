using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

public sealed unsafe class KeptHugeRoomTests
{
    [Fact]
    [Unguarded("guarded huge blocks are never kept")]
    public void Freed_huge_blocks_that_are_kept_make_no_collection_due()
    {
        using TracedHeap heap = new(new TracedHeapOptions
        {
            SoftMemoryLimit = 256 << 20,
            MinimumBytes = nuint.MaxValue >> 2,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            IdleDelay = Timeout.InfiniteTimeSpan,
        });
        heap.Native.Free(heap.Native.Alloc(250 << 20));
        Assert.Equal(250L << 20, heap.Native.GetStatistics().CachedHugeBytes);
        for (int i = 0; i < 100; i++)
        {
            using TracedScope scope = heap.Enter();
            scope.NewValues<byte>(100_000);
        }

        Assert.Equal(0, heap.GetStatistics().Collections);
    }
}
