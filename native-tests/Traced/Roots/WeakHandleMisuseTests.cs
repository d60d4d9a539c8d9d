using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>Weak handles that name nothing, are over or cannot be had.</summary>
public sealed class WeakHandleMisuseTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Handles_that_were_disposed_or_never_made_or_are_of_another_heap_are_refused(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedHeap other = TracedHeaps.Still(checks);
        TracedWeakHandle<Node> disposed = WeakHandles.Make(heap, 1);
        disposed.Dispose();
        disposed.Dispose();
        TracedWeakHandle<Node> next = WeakHandles.Make(heap, 2);
        Assert.NotEqual(disposed, next);
        Assert.False(disposed.IsAlive);
        Assert.Throws<InvalidOperationException>(() => WeakHandles.ValueOf(heap, disposed));
        Assert.False(default(TracedWeakHandle<Node>).IsAlive);
        default(TracedWeakHandle<Node>).Dispose();
        Assert.Throws<InvalidOperationException>(() => WeakHandles.ValueOf(heap, default));
        Assert.Contains($"'{heap.Name}'", Assert.Throws<InvalidOperationException>(() => WeakHandles.ValueOf(other, next)).Message, StringComparison.Ordinal);
        Assert.Equal(2, WeakHandles.ValueOf(heap, next));
    }

    [Fact]
    public void A_weak_handle_of_nothing_is_never_alive()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = heap.Enter())
        {
            weak = scope.KeepWeak<Node>(default);
        }

        Assert.False(weak.IsAlive);
        Assert.Null(WeakHandles.ValueOf(heap, weak));
        heap.CollectAndSweep();
        Assert.Equal(0, heap.GetStatistics().WeakHandlesCleared);
    }

    [Fact]
    public void A_weak_handle_is_dead_and_can_be_disposed_after_its_heap()
    {
        TracedHeap heap = TracedHeaps.Still();
        TracedWeakHandle<Node> weak = WeakHandles.Make(heap, 1);
        heap.Dispose();
        Assert.False(weak.IsAlive);
        weak.Dispose();
    }

    [Fact]
    public void With_full_checks_no_weak_handle_is_made_for_a_block_that_has_died()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint dead;
        using (TracedScope scope = heap.Enter())
        {
            dead = scope.New<Node>().Address;
        }

        heap.CollectAndSweep();
        Assert.Throws<HeapCorruptionException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.KeepWeak(new TracedRef<Node>(dead));
        });
        Assert.Equal(0, heap.GetStatistics().WeakHandles);
        heap.Verify();
    }

    [Fact]
    public void Without_memory_for_a_handle_nothing_changes()
    {
        using TracedHeap heap = TracedHeaps.Still();
        int made = 0;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            heap.Core.Os.FailAfter(0);
            try
            {
                for (; made < 1_000_000; made++)
                {
                    scope.KeepWeak(node);
                }
            }
            catch (OutOfMemoryException error)
            {
                Assert.Contains(heap.Name, error.Message, StringComparison.Ordinal);
            }

            heap.Core.Os.FailAfter(-1);
            Assert.InRange(made, 0, 100_000);
            Assert.True(scope.KeepWeak(node).TryGet(scope, out _));
        }

        Assert.Equal(made + 1, heap.GetStatistics().WeakHandles);
        heap.CollectAndSweep();
        Assert.Equal(made + 1, heap.GetStatistics().WeakHandlesCleared);
    }

    [Fact]
    public void Without_memory_to_remember_pointers_no_weak_handle_of_a_live_block_is_cleared()
    {
        using TracedHeap heap = TracedHeaps.Still();
        List<TracedWeakHandle<Node>> alive = [];
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<TracedArray<Node>>> outer = scope.NewArray<TracedArray<Node>>(300);
            scope.Keep(outer);
            for (int i = 0; i < 300; i++)
            {
                TracedRef<TracedArray<Node>> inner = scope.NewArray<Node>(600);
                outer.Value[i].Set(scope, inner);
                for (int j = 0; j < 600; j++)
                {
                    inner.Value[j].Set(scope, scope.New<Node>());
                    alive.Add(scope.KeepWeak(inner.Value[j].Get(scope)));
                }
            }
        }

        heap.Core.Os.FailAfter(0);
        heap.Collect();
        heap.Core.Os.FailAfter(-1);
        Assert.All(alive, static weak => Assert.True(weak.IsAlive));
        Assert.Equal(0, heap.GetStatistics().WeakHandlesCleared);
    }
}
