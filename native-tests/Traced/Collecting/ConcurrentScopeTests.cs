using System.Diagnostics;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Scopes of the program beside a collection that marks while threads go on: which of them wait, and for what.</summary>
[Unguarded("how much is made until a collection is due depends on the size of blocks")]
public sealed class ConcurrentScopeTests
{
    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(2);

    [Fact]
    public void The_end_waits_for_a_scope_that_stays_open_and_nobody_else_does()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        using ManualResetEventSlim inScope = new();
        using ManualResetEventSlim leave = new();
        int reports = 0;
        heap.CollectionHeldUp += (_, _) => Interlocked.Increment(ref reports);
        StressThreads.Run(
            2,
            number =>
            {
                if (number == 0)
                {
                    using TracedScope scope = heap.Enter();
                    inScope.Set();
                    while (!leave.IsSet)
                    {
                        Thread.Yield();
                    }

                    return;
                }

                inScope.Wait();
                Assert.True(SpinWait.SpinUntil(
                    () =>
                    {
                        ConcurrentHeaps.MakeGarbage(heap, 1000);
                        return Volatile.Read(ref reports) > 0;
                    },
                    ConcurrentHeaps.Longest));
                Assert.Equal(0, heap.GetStatistics().Collections);
                leave.Set();
            });
        ConcurrentHeaps.MakeUntilCollected(heap);
        Assert.InRange(heap.GetStatistics().HeldUp, 1, long.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void Verify_names_the_scope_that_keeps_a_collection_from_ending()
    {
        TracedHeap heap = ConcurrentHeaps.Make();
        using ManualResetEventSlim inScope = new();
        bool leaves = false;
        Thread other = new(() => ConcurrentHeaps.StayOnceItMarks(heap, inScope, ref leaves));
        other.Start();
        inScope.Wait();
        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(50);
        TimeoutException error = Assert.Throws<TimeoutException>(heap.Verify);
        Assert.Contains($"thread {other.ManagedThreadId} is in a scope", error.Message, StringComparison.Ordinal);
        Volatile.Write(ref leaves, true);
        other.Join();
        heap.Verify();
        heap.Dispose();
    }

    [Fact]
    public void A_scope_that_keeps_a_collection_from_ending_keeps_no_thread_from_going_on_however_far_the_heap_has_grown()
    {
        const int Entries = 2000;
        using TracedHeap heap = ConcurrentHeaps.Make(s_shortestWait);
        using ManualResetEventSlim inScope = new();
        bool leaves = false;
        Thread other = new(() => ConcurrentHeaps.StayOnceItMarks(heap, inScope, ref leaves));
        other.Start();
        inScope.Wait();
        ConcurrentHeaps.MakeGarbage(heap, 20_000);
        Assert.True(heap.Parts.Pacer.IsBehind);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Entries; i++)
        {
            heap.Enter().Dispose();
        }

        // Each of them would wait for as long as a collection that is due.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, Entries * s_shortestWait / 2);
        Volatile.Write(ref leaves, true);
        other.Join();
        heap.Verify();
    }
}
