using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;

namespace SpanHeap.Tests.Traced.Collecting;

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
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = nuint.MaxValue >> 2,
            SoftMemoryLimit = (nuint)soft,
            MemoryLimit = (nuint)hard,
        });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        for (int i = 0; i < 800; i++)
        {
            using TracedScope scope = heap.Enter();
            MakeList(scope, roots, 5_000);
            Assert.InRange(heap.Native.GetStatistics().PagesInUse * 8192L, 0, 8 * Mebibyte);
        }

        Assert.Equal(CollectionReason.MemoryLimit, heap.LastCollection!.Reason);
        Assert.InRange(heap.LastCollection.Number, 5, 200);
        heap.Verify();
    }

    [Fact]
    public void A_heap_that_lives_above_its_soft_limit_gets_on_by_an_eighth_of_what_lives()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1, SoftMemoryLimit = 1 });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            MakeList(scope, roots, 200_000);
        }

        heap.Collect();
        TracedStatistics before = heap.GetStatistics();
        Assert.InRange(before.GoalBytes, before.LiveBytes + (before.LiveBytes / 8), before.LiveBytes + (before.LiveBytes / 8) + 1);
    }

    [Fact]
    public void A_heap_that_is_nearly_full_of_what_lives_finds_room_for_garbage_in_the_rest()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2, MemoryLimit = 16 * (nuint)Mebibyte });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        while (heap.GetStatistics().LiveBytes < 14 * Mebibyte)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, roots.Get(scope, 0));
            roots.Set(scope, 0, node);
        }

        long before = heap.GetStatistics().Collections;
        for (int made = 0; made < 130_000; made += 1000)
        {
            using TracedScope scope = heap.Enter();
            MakeList(scope, null, 1000);
        }

        // Of a mebibyte that is left most is used before each of them, so that they are few.
        Assert.InRange(heap.GetStatistics().Collections - before, 4, 40);
        heap.Verify();
    }

    [Fact]
    public void By_hand_nothing_comes_by_itself()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16, ManualOnly = true, IdleDelay = TimeSpan.FromMilliseconds(10) });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        for (int i = 0; i < 20; i++)
        {
            using TracedScope scope = heap.Enter();
            MakeList(scope, roots, 10_000);
        }

        Assert.Null(heap.LastCollection);
        heap.Collect();
        Assert.Equal((1, CollectionReason.Induced), (heap.LastCollection!.Number, heap.LastCollection.Reason));
        Assert.True(heap.Parts.Sweeper.HasWork);
        heap.FinishSweeping();
        Assert.Equal(0, heap.GetStatistics().SpansSweptInBackground);
    }

    [Fact]
    public void A_heap_that_is_left_alone_is_collected_once()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using IdleCollection idle = new(heap.Parts.Collector, TimeSpan.FromDays(1));
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            MakeList(scope, roots, 10_000);
        }

        idle.Visit();
        idle.Visit();
        Assert.Null(heap.LastCollection);
        idle.Visit();
        heap.Parts.Collector.AwaitEnd();
        Assert.Equal(CollectionReason.Idle, heap.LastCollection!.Reason);
        for (int i = 0; i < 10; i++)
        {
            idle.Visit();
        }

        Assert.Equal(1, heap.LastCollection.Number);
    }

    [Fact]
    public void An_idle_timer_comes_by_itself()
    {
        using TracedHeap heap = new(new TracedHeapOptions { IdleDelay = TimeSpan.FromMilliseconds(10) });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            MakeList(scope, roots, 10_000);
        }

        StressWait.Until(() => heap.LastCollection?.Reason == CollectionReason.Idle, static () => "no thread collects the heap that is left alone");
    }

    [Fact]
    public void What_an_idle_collection_finds_wrong_is_thrown_at_the_next()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Checks = HeapChecks.Full, ManualOnly = true });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            MakeList(scope, roots, 10);
            unsafe
            {
                *(nint*)roots.Get(scope, 0).Address = 1;
            }
        }

        heap.Parts.Collector.TryCollectIdle();
        Assert.Null(heap.LastCollection);
        Assert.Throws<HeapCorruptionException>(heap.Collect);
        using (TracedScope scope = heap.Enter())
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
        TracedHeapOptions options = new() { IdleDelay = TimeSpan.FromMilliseconds(milliseconds) };
        Assert.Equal("IdleDelay", Assert.Throws<ArgumentOutOfRangeException>(() => new TracedHeap(options)).ParamName);
    }

    // The list before it dies.
    private static void MakeList(TracedScope scope, TracedRoots<Node>? roots, int length)
    {
        scoped TracedRef<Node> list = default;
        for (int i = 0; i < length; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, list);
            list = node;
        }

        roots?.Set(scope, 0, list);
    }
}
