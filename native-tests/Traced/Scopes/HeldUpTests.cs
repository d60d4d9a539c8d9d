using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Gating;

namespace SpanHeap.Tests.Traced.Scopes;

/// <summary>Scopes that keep collections from beginning are named.</summary>
public sealed unsafe class HeldUpTests
{
    // A failed attempt is repeated after ten times as long.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void A_collection_that_a_scope_holds_up_names_its_thread(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using StressWorker worker = new();
        int thread = EnterHere(heap, worker);
        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(20);

        foreach (Action asked in (Action[])[heap.Collect, heap.FinishSweeping])
        {
            string message = Assert.Throws<TimeoutException>(asked).Message;
            Assert.Contains($"thread {thread} ", message, StringComparison.Ordinal);
            Assert.Contains($"'{heap.Name}'", message, StringComparison.Ordinal);
            Assert.Equal(checks == HeapChecks.Full, message.Contains(nameof(EnterHere), StringComparison.Ordinal));
        }

        using (TracedScope scope = heap.Enter())
        {
            scope.New<Node>();
        }

        worker.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_collection_that_waits_for_another_that_a_scope_holds_up_names_the_scope_too()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using StressWorker worker = new();
        int thread = EnterHere(heap, worker);
        heap.Parts.Collector.LongestWait = TimeSpan.FromMinutes(2);
        Thread other = new(heap.Collect);
        other.Start();
        while (heap.GetStatistics().HeldUp == 0)
        {
            Thread.Yield();
        }

        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(20);
        string message = Assert.Throws<TimeoutException>(heap.Collect).Message;

        Assert.Contains($"thread {thread} ", message, StringComparison.Ordinal);
        worker.Dispose();
        Assert.True(other.Join(TimeSpan.FromMinutes(2)));
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void A_scope_that_holds_a_due_collection_up_is_reported_once(HeapChecks checks)
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16, ScopePatience = s_patience, Checks = checks });
        using StressWorker worker = new();
        int thread = EnterHere(heap, worker);
        List<CollectionHeldUpEventArgs> reports = [];
        int raisedOn = 0;
        heap.CollectionHeldUp += (sender, report) =>
        {
            Assert.Same(heap, sender);
            raisedOn = Environment.CurrentManagedThreadId;
            reports.Add(report);
        };

        HoldUp(heap, 3);

        CollectionHeldUpEventArgs only = Assert.Single(reports);
        Assert.Equal((thread, Environment.CurrentManagedThreadId), (only.ThreadNumber, raisedOn));
        Assert.InRange(only.OpenFor, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        Assert.Equal(checks == HeapChecks.Full, only.EntryStack?.Contains(nameof(EnterHere), StringComparison.Ordinal) ?? false);
        worker.Dispose();
    }

    [Fact]
    public void The_next_scope_of_the_thread_is_reported_again()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16, ScopePatience = s_patience });
        using StressWorker worker = new();
        int reports = 0;
        heap.CollectionHeldUp += (_, _) => reports++;
        for (int round = 1; round <= 3; round++)
        {
            EnterHere(heap, worker);
            HoldUp(heap, 2 * round);
            Assert.Equal(round, reports);
            worker.Do(() =>
            {
                // Ends the one that was left open.
                TracedScope within = heap.Enter();
                Gate.Exit(within.Cache, 1);
            });
        }
    }

    [Fact]
    public void A_forgotten_scope_is_named_when_its_thread_is_the_only_one()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16, ScopePatience = s_patience });
        List<CollectionHeldUpEventArgs> reports = [];
        heap.CollectionHeldUp += (_, report) => reports.Add(report);
        TracedScope forgotten = heap.Enter();
        for (int i = 0; i < 10; i++)
        {
            // Twice what the heap was to grow by, and it is not yet named.
            Assert.Equal(i < 3 ? 0 : 1, reports.Count);
            using TracedScope scope = heap.Enter();
            scope.NewValues<byte>((1 << 16) - 8);
        }

        Assert.Equal(Environment.CurrentManagedThreadId, Assert.Single(reports).ThreadNumber);
        Assert.Equal((0, 1), (heap.GetStatistics().Collections, heap.GetStatistics().HeldUp));
        forgotten.Dispose();
        heap.Enter().Dispose();
        heap.Parts.Collector.AwaitEnd();
        Assert.Equal(1, heap.GetStatistics().Collections);
    }

    [Fact]
    public void A_handler_that_throws_at_an_inner_scope_leaves_the_outer_one_as_it_was()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16, ScopePatience = s_patience });
        heap.CollectionHeldUp += (_, _) => throw new InvalidOperationException("handler");
        using (TracedScope outer = heap.Enter())
        {
            outer.NewValues<byte>(1 << 18);
            Assert.Equal("handler", Assert.Throws<InvalidOperationException>(() => heap.Enter().Dispose()).Message);
            Assert.Equal(1, outer.Cache->Depth);
        }

        heap.Collect();
        heap.Verify();
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void Statistics_tell_what_collections_did()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Equal(0, heap.GetStatistics().Collections);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 1000; i++)
            {
                scope.New<Node>();
            }

            scope.NewArray<Node>(100_000);
            scope.Keep(scope.NewArray<Node>(100_000));
        }

        heap.Collect();
        TracedStatistics first = heap.GetStatistics();
        heap.CollectAndSweep();
        TracedStatistics last = heap.GetStatistics();

        Assert.Equal((1, 2), (first.Collections, last.Collections));
        Assert.Equal((1000, 1000 * 32, 1), (last.SmallBlocksFreed, last.SmallBytesFreed, last.LargeBlocksFreed));
        Assert.InRange(last.LiveBytes, 800_000, 900_000);
        Assert.Equal(last.LiveBytes, last.LargeBytesFreed);
        Assert.InRange(last.GoalBytes, last.LiveBytes + 1, long.MaxValue);
        Assert.Equal((1, last.LiveBytes / heap.Native.GetStatistics().PageSize, 1, 0), (last.Spans, last.Pages, last.Handles, last.RootArrays));
        Assert.Equal(first.LastPause + last.LastPause, last.TotalPause);
        Assert.Equal(first.LastPause > last.LastPause ? first.LastPause : last.LastPause, last.LongestPause);
        Assert.InRange(last.MedianPause, first.LastPause < last.LastPause ? first.LastPause : last.LastPause, last.LongestPause);
        Assert.Equal((last.LongestPause, last.LongestPause), (last.Pause99, last.Pause999));
        Assert.True(
            last.SpansReleased + 2 <= last.SpansSweptByRefill + last.SpansSweptByAllocation + last.SpansSweptInBackground + last.SpansSweptToFinish + last.SpansSweptByFlush);
        Assert.Equal(0, last.HeldUp);
    }

    [Fact]
    public void Taking_statistics_makes_no_garbage()
    {
        using TracedHeap heap = TracedHeaps.Still();
        long sum = heap.GetStatistics().Collections;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            sum += heap.GetStatistics().Collections;
        }

        Assert.Equal((0, 0), (sum, GC.GetAllocatedBytesForCurrentThread() - before));
    }

    // A name to be found in a stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int EnterHere(TracedHeap heap, StressWorker worker)
    {
        int thread = 0;
        worker.Do(() =>
        {
            heap.Enter();
            thread = Environment.CurrentManagedThreadId;
        });
        return thread;
    }

    // Allocates until so many collections could not begin.
    private static void HoldUp(TracedHeap heap, int times)
    {
        while (heap.GetStatistics().HeldUp < times)
        {
            using TracedScope scope = heap.Enter();
            scope.New<Node>();
            if (heap.GetStatistics().LiveBytes < heap.GetStatistics().GoalBytes)
            {
                scope.NewValues<byte>(1 << 16);
            }
        }
    }
}
