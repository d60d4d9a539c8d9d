using System.Runtime.CompilerServices;
using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Checks;

/// <summary>Whatever stores a reference into a block tells the barrier, and what does not is found by the next collection.</summary>
public sealed unsafe class StoreAuditTests : IDisposable
{
    private readonly TracedHeap _heap = new(new TracedHeapOptions
    {
        AuditStores = true,
        MinimumBytes = nuint.MaxValue >> 2,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void A_reference_that_was_written_past_the_barrier_is_named()
    {
        using TracedHandle<Node> kept = KeepPair(out nint first, out nint second);
        ((nint*)first)[1] = second;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_heap.Collect);
        Assert.Equal(first + sizeof(nint), error.Address);
        Assert.Contains($"0x{second:x}, which was not stored by Set", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{_heap.Name}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_that_was_cleared_past_the_barrier_is_found()
    {
        using TracedHandle<Node> kept = KeepPair(out nint first, out _);
        _heap.Collect();
        *(nint*)first = 0;
        Assert.Equal(first, Assert.Throws<HeapCorruptionException>(_heap.Collect).Address);
    }

    [Fact]
    public void After_a_finding_nothing_is_lost_and_the_heap_goes_on_when_the_store_is_made_right()
    {
        using TracedHandle<Node> kept = KeepPair(out nint first, out nint second);
        ((nint*)first)[1] = second;
        Assert.Throws<HeapCorruptionException>(_heap.Collect);
        _heap.Verify();
        using (TracedScope scope = _heap.Enter())
        {
            kept.Get(scope).Value.Right.Set(scope, scope.At<Node>(second));
        }

        _heap.CollectAndSweep();
        Assert.Equal((2L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_field_of_a_dead_block_is_forgotten()
    {
        using TracedHandle<Node> kept = KeepPair(out _, out _);
        for (int cycle = 0; cycle < 4; cycle++)
        {
            using (TracedScope scope = _heap.Enter())
            {
                // Most of these die, and those of the next cycle get their slots, null at first.
                for (int i = 0; i < 1000; i++)
                {
                    TracedRef<Node> node = scope.New<Node>();
                    node.Value.Left.Set(scope, kept.Get(scope));
                }

                kept.Get(scope).Value.Right.Set(scope, scope.New<Node>());
            }

            _heap.CollectAndSweep();
        }

        Assert.Equal((3L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_property_that_has_no_scope_tells_the_barrier()
    {
        using TracedScope scope = _heap.Enter();
        TracedRef<Branch> branch = scope.New<Branch>();
        using TracedHandle<Branch> kept = scope.Keep(branch);
        branch.Left = scope.New<Branch>();
        branch.Right = branch;
        branch.Left = branch.Right;
        scope.Dispose();
        _heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void Arrays_tell_the_barrier_when_they_are_filled_copied_and_cleared()
    {
        TracedHandle<TracedArray<Node>> kept;
        using (TracedScope scope = _heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(100);
            kept = scope.Keep(array);
            array.Value.Fill(scope, scope.New<Node>(), 10, 20);
            array.Value.CopyTo(scope, 5, array, 15, 40);
            array.Value.Clear(scope, 0, 12);
            array.Value[99].Set(scope, scope.New<Node>());
        }

        _heap.CollectAndSweep();
        Assert.Equal((3L, 0L), TracedCensus.Take(_heap));
        kept.Dispose();
    }

    [Fact]
    public void Of_threads_that_store_into_one_field_each_may_be_the_last()
    {
        using TracedHandle<Node> kept = KeepPair(out _, out _);
        Support.StressThreads.Run(4, _ =>
        {
            for (int i = 0; i < 1000; i++)
            {
                using TracedScope scope = _heap.Enter();
                kept.Get(scope).Value.Right.Set(scope, scope.New<Node>());
            }
        });
        _heap.CollectAndSweep();
        Assert.Equal((3L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_heap_that_was_disposed_is_not_kept_to_be_told_of_stores()
    {
        WeakReference barrier = BarrierOfDisposed();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.False(barrier.IsAlive);
    }

    [Theory]
    [InlineData(false, "1", true)]
    [InlineData(true, null, true)]
    [InlineData(false, "0", false)]
    public void The_environment_turns_it_on_for_all_heaps(bool option, string? text, bool expected)
    {
        TracedHeapOptions options = new() { AuditStores = option };
        Assert.Equal(expected, options.WithEnvironment(name => name == "SPANHEAP_TRACED_AUDIT" ? text : null).AuditStores);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference BarrierOfDisposed()
    {
        using TracedHeap heap = new(new TracedHeapOptions { AuditStores = true });
        return new WeakReference(heap.Parts.Barrier);
    }

    // Two nodes, of which the first refers to the second.
    private TracedHandle<Node> KeepPair(out nint first, out nint second)
    {
        using TracedScope scope = _heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        TracedRef<Node> other = scope.New<Node>();
        node.Value.Left.Set(scope, other);
        (first, second) = (node.Address, other.Address);
        return scope.Keep(node);
    }
}
