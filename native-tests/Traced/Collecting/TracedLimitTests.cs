using SpanHeap.Tests.Support;
using SpanHeap.Traced;
namespace SpanHeap.Tests.Traced.Collecting;

public sealed unsafe class TracedLimitTests
{
    private const int Limit = 16 << 20;

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void A_scope_that_fills_the_heap_is_refused_and_the_heap_goes_on(HeapChecks checks)
    {
        using TracedHeap heap = New(checks);
        for (int round = 0; round < 4; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                scoped TracedRef<Node> list = default;
                int made = 0;
                string? message = null;
                try
                {
                    while (true)
                    {
                        TracedRef<Node> node = scope.New<Node>();
                        Assert.True(node.Value.Left.IsNull);
                        node.Value.Left.Set(scope, list);
                        node.Value.Value = ++made;
                        list = node;
                    }
                }
                catch (OutOfMemoryException error)
                {
                    message = error.Message;
                }

                Assert.Contains("Yield", message, StringComparison.Ordinal);
                Assert.InRange(made, 200_000, Limit / 24);
                for (; !list.IsNull; list = list.Value.Left.Get(scope))
                {
                    Assert.Equal(made--, list.Value.Value);
                }

                Assert.Equal(0, made);
            }

            TracedCensus.AssertIdentities(heap);
            heap.CollectAndSweep();
            Assert.Equal((0L, 0L), TracedCensus.Take(heap));
            heap.Native.Free(heap.Native.Alloc(Limit / 2));
            heap.Trim();
        }
    }

    [Fact]
    public void Large_blocks_come_again_after_a_yield()
    {
        using TracedHeap heap = New(HeapChecks.Standard);
        TracedScope scope = heap.Enter();
        for (int round = 0; round < 10; round++)
        {
            int made = 0;
            try
            {
                for (; made < 100; made++)
                {
                    scope.NewArray<Node>(131_072);
                }
            }
            catch (OutOfMemoryException)
            {
            }

            Assert.InRange(made, 5, 16);
            scope.Dispose();
            heap.CollectAndSweep();
            scope = heap.Enter();
        }

        scope.Dispose();
    }

    private static TracedHeap New(HeapChecks checks) => new(new TracedHeapOptions
    {
        MinimumBytes = nuint.MaxValue >> 2,
        MemoryLimit = Limit,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        Checks = checks,
    });
}
