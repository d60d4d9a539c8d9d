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

    private void MakeGarbage(int blocks)
    {
        using GcScope scope = _heap.Enter();
        for (int i = 0; i < blocks; i++)
        {
            scope.New<Node>();
        }
    }
}
