using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tests.Support;
using SpanHeap.Tracing;

namespace SpanHeap.Tests.Tracing;

public sealed class BackgroundSweeperTests : IDisposable
{
    private readonly NativeHeap _heap = TracedHeaps.Still();

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void It_sweeps_what_a_collection_left()
    {
        MakeGarbage(1000);
        _heap.Collect();
        StressWait.Until(() => _heap.Traced.Sweeper.IsDone, static () => "nobody sweeps");
        Assert.Equal(1000, _heap.Traced.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void While_it_is_paused_nothing_is_swept_and_then_all_is()
    {
        BackgroundSweeper background = _heap.Traced.Collector.Background;
        MakeGarbage(1000);
        background.Pause();
        _heap.Collect();
        Thread.Sleep(20);
        Assert.True(_heap.Traced.Sweeper.HasWork);
        Assert.Equal(0, _heap.Traced.Statistics.SpansSweptBy(SweepReason.Background));

        background.Resume();

        StressWait.Until(() => _heap.Traced.Sweeper.IsDone, static () => "nobody sweeps");
        Assert.Equal(1000, _heap.Traced.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void Verify_may_come_while_it_sweeps()
    {
        for (int round = 0; round < 20; round++)
        {
            MakeGarbage(20_000);
            _heap.Collect();
            _heap.Verify();
            _heap.Verify();
        }

        _heap.FinishSweeping();
        Assert.Equal(20 * 20_000, _heap.Traced.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public unsafe void What_it_finds_wrong_the_next_collection_throws_once()
    {
        BackgroundSweeper background = _heap.Traced.Collector.Background;
        MakeGarbage(1000);
        nint block;
        using (GcScope scope = _heap.Enter())
        {
            block = scope.New<Node>().Address;
        }

        background.Pause();
        _heap.Collect();
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block));
        span->Allocated = -1;
        background.Resume();
        StressWait.Until(() => !_heap.Traced.Sweeper.HasWork, static () => "nobody sweeps");

        Assert.Contains("no more blocks marked", Assert.Throws<HeapCorruptionException>(_heap.Collect).Message, StringComparison.Ordinal);

        // What sweeping it would have done: everything in it is dead.
        uint generation = _heap.Traced.Sweeper.Generation;
        TracedSlots.Clear(span, SweepGeneration.MarkPlane(generation));
        span->Allocated = 0;
        span->SweepGen = generation;
        _heap.Traced.Spans.Release(span);
        _heap.CollectAndSweep();
    }

    [Fact]
    public void A_heap_goes_while_the_pool_has_nobody_to_run_the_round_that_is_queued()
    {
        int blocked = 2 * Environment.ProcessorCount;
        using ManualResetEventSlim release = new();
        using CountdownEvent left = new(blocked);
        ThreadPool.GetMaxThreads(out int most, out int ports);
        Assert.True(ThreadPool.SetMaxThreads(Environment.ProcessorCount, ports));
        try
        {
            for (int i = 0; i < blocked; i++)
            {
                ThreadPool.UnsafeQueueUserWorkItem(
                    _ =>
                    {
                        release.Wait();
                        left.Signal();
                    },
                    null);
            }

            Thread thread = new(() =>
            {
                MakeGarbage(1000);
                _heap.Collect();
                _heap.Verify();
                _heap.Dispose();
            });
            thread.Start();
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)));
        }
        finally
        {
            ThreadPool.SetMaxThreads(most, ports);
            release.Set();
            left.Wait();
        }
    }

    private void MakeGarbage(int blocks)
    {
        using GcScope scope = _heap.Enter();
        for (int i = 0; i < blocks; i++)
        {
            scope.New<Node>();
        }
    }
}
