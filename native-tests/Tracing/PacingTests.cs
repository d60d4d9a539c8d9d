using SpanHeap.Tests.Support;
using SpanHeap.Tracing;

namespace SpanHeap.Tests.Tracing;

/// <summary>When collections come.</summary>
public sealed class PacingTests
{
    private const long Mebibyte = 1 << 20;

    [Theory]
    [InlineData(8 * Mebibyte, 0)]
    [InlineData(0, 8 * Mebibyte)]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void Garbage_is_collected_before_a_limit_is_reached_however_large_the_minimum_is(long soft, long hard)
    {
        using NativeHeap heap = new(new NativeHeapOptions
        {
            Traced = true, TracedMinimum = nuint.MaxValue >> 2, TracedMemoryLimit = (nuint)soft, MemoryLimit = (nuint)hard,
        });
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        for (int i = 0; i < 800; i++)
        {
            using GcScope scope = heap.Enter();
            MakeList(scope, roots, 5_000);
            Assert.InRange(heap.GetStatistics().PagesInUse * 8192L, 0, 8 * Mebibyte);
        }

        Assert.Equal(CollectionReason.MemoryLimit, heap.LastCollection!.Reason);
        Assert.InRange(heap.LastCollection.Number, 5, 200);
        heap.Verify();
    }

    [Fact]
    public void A_heap_that_lives_above_its_soft_limit_gets_on_by_an_eighth_of_what_lives()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = 1, TracedMemoryLimit = 1 });
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        using (GcScope scope = heap.Enter())
        {
            MakeList(scope, roots, 200_000);
        }

        heap.Collect();
        TracedStatistics before = heap.GetTracedStatistics();
        Assert.InRange(before.GoalBytes, before.LiveBytes + (before.LiveBytes / 8), before.LiveBytes + (before.LiveBytes / 8) + 1);
    }

    [Fact]
    public void A_heap_that_is_nearly_full_of_what_lives_finds_room_for_garbage_in_the_rest()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = nuint.MaxValue >> 2, MemoryLimit = 16 * (nuint)Mebibyte });
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        while (heap.GetTracedStatistics().LiveBytes < 14 * Mebibyte)
        {
            using GcScope scope = heap.Enter();
            GcRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, roots.Get(scope, 0));
            roots.Set(scope, 0, node);
        }

        long before = heap.GetTracedStatistics().Collections;
        for (int made = 0; made < 130_000; made += 1000)
        {
            using GcScope scope = heap.Enter();
            MakeList(scope, null, 1000);
        }

        // Of a mebibyte that is left most is used before each of them, so that they are few.
        Assert.InRange(heap.GetTracedStatistics().Collections - before, 4, 40);
        heap.Verify();
    }

    [Fact]
    public void By_hand_nothing_comes_by_itself()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = 1 << 16, TracedByHand = true, TracedIdleDelay = TimeSpan.FromMilliseconds(10) });
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        for (int i = 0; i < 20; i++)
        {
            using GcScope scope = heap.Enter();
            MakeList(scope, roots, 10_000);
        }

        Assert.Null(heap.LastCollection);
        heap.Collect();
        Assert.Equal((1, CollectionReason.Asked), (heap.LastCollection!.Number, heap.LastCollection.Reason));
        Assert.True(heap.Traced.Sweeper.HasWork);
        heap.FinishSweeping();
        Assert.Equal(0, heap.GetTracedStatistics().SpansSweptInBackground);
    }

    [Fact]
    public void A_heap_that_is_left_alone_is_collected_once()
    {
        using NativeHeap heap = TracedHeaps.Still();
        using IdleCollection idle = new(heap.Traced, TimeSpan.FromDays(1));
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        using (GcScope scope = heap.Enter())
        {
            MakeList(scope, roots, 10_000);
        }

        idle.Round();
        idle.Round();
        Assert.Null(heap.LastCollection);
        idle.Round();
        Assert.Equal(CollectionReason.Idle, heap.LastCollection!.Reason);
        for (int i = 0; i < 10; i++)
        {
            idle.Round();
        }

        Assert.Equal(1, heap.LastCollection.Number);
    }

    [Fact]
    public void An_idle_timer_comes_by_itself()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedIdleDelay = TimeSpan.FromMilliseconds(10) });
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        using (GcScope scope = heap.Enter())
        {
            MakeList(scope, roots, 10_000);
        }

        StressWait.Until(() => heap.LastCollection?.Reason == CollectionReason.Idle, static () => "nobody collects the heap that is left alone");
    }

    [Fact]
    public void What_an_idle_collection_finds_wrong_is_thrown_at_the_next()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, Checks = HeapChecks.Full, TracedByHand = true });
        using RootArray<Node> roots = heap.CreateRootArray<Node>(1);
        using (GcScope scope = heap.Enter())
        {
            MakeList(scope, roots, 10);
            unsafe
            {
                *(nint*)roots.Get(scope, 0).Address = 1;
            }
        }

        heap.Traced.Collector.TryCollectIdle();
        Assert.Null(heap.LastCollection);
        Assert.Throws<HeapCorruptionException>(heap.Collect);
        using (GcScope scope = heap.Enter())
        {
            unsafe
            {
                *(nint*)roots.Get(scope, 0).Address = 0;
            }
        }

        heap.Collect();
        heap.Verify();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(86_400_001)]
    public void An_idle_delay_out_of_range_is_refused_by_name(int milliseconds)
    {
        NativeHeapOptions options = new() { Traced = true, TracedIdleDelay = TimeSpan.FromMilliseconds(milliseconds) };
        Assert.Equal("TracedIdleDelay", Assert.Throws<ArgumentOutOfRangeException>(() => new NativeHeap(options)).ParamName);
    }

    // The list before it dies.
    private static void MakeList(GcScope scope, RootArray<Node>? roots, int length)
    {
        scoped GcRef<Node> list = default;
        for (int i = 0; i < length; i++)
        {
            GcRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, list);
            list = node;
        }

        roots?.Set(scope, 0, list);
    }
}
