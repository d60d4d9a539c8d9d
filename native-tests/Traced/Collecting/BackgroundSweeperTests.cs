using SpanHeap.Spans;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Collecting;

public sealed class BackgroundSweeperTests : IDisposable
{
    private readonly TracedHeap _heap = TracedHeaps.Still();

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void It_sweeps_what_a_collection_left()
    {
        MakeGarbage(1000);
        _heap.Collect();
        StressWait.Until(() => _heap.Parts.Sweeper.IsDone, static () => "no thread sweeps");
        Assert.Equal(1000, _heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void While_it_is_paused_nothing_is_swept_and_then_all_is()
    {
        BackgroundSweeper background = _heap.Parts.Collector.Background;
        MakeGarbage(1000);
        background.Pause();
        _heap.Collect();
        Thread.Sleep(20);
        Assert.True(_heap.Parts.Sweeper.HasWork);
        Assert.Equal(0, _heap.Parts.Statistics.SpansSweptBy(SweepReason.Background));

        background.Resume();

        StressWait.Until(() => _heap.Parts.Sweeper.IsDone, static () => "no thread sweeps");
        Assert.Equal(1000, _heap.Parts.Statistics.SmallBlocksFreed);
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
        Assert.Equal(20 * 20_000, _heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public unsafe void What_it_finds_wrong_the_next_collection_throws_once()
    {
        BackgroundSweeper background = _heap.Parts.Collector.Background;
        MakeGarbage(1000);
        nint block;
        using (TracedScope scope = _heap.Enter())
        {
            block = scope.New<Node>().Address;
        }

        background.Pause();
        _heap.Collect();
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block));
        span->Allocated = -1;
        background.Resume();
        StressWait.Until(() => !_heap.Parts.Sweeper.HasWork, static () => "no thread sweeps");

        Assert.Contains("no more blocks marked", Assert.Throws<HeapCorruptionException>(_heap.Collect).Message, StringComparison.Ordinal);

        // What sweeping it would have done: everything in it is dead.
        uint generation = _heap.Parts.Sweeper.Generation;
        TracedSlots.Clear(span, SweepGeneration.MarkBitmap(generation));
        span->Allocated = 0;
        span->SweepGen = generation;
        _heap.Parts.Spans.Release(span);
        _heap.CollectAndSweep();
    }

    [Fact]
    public void A_heap_goes_while_the_pool_has_no_thread_to_run_the_round_that_is_queued()
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
        using TracedScope scope = _heap.Enter();
        for (int i = 0; i < blocks; i++)
        {
            scope.New<Node>();
        }
    }
}
