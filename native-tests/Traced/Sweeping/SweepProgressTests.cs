using SpanHeap.Tests.Support;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Sweeping;

[Trait("Category", "Protocol")]
public sealed class SweepProgressTests
{
    [Fact]
    public void It_is_done_when_nothing_is_left_and_no_thread_sweeps()
    {
        SweepProgress progress = new();
        Assert.True(progress.IsDone);
        Assert.False(progress.TryBegin());
        progress.Reset(0);
        Assert.False(progress.IsDone);
        Assert.True(progress.TryBegin());
        Assert.True(progress.TryBegin());
        Assert.Equal(2, progress.Sweepers);
        progress.MarkDrained();
        progress.MarkDrained();
        Assert.False(progress.TryBegin());
        progress.End();
        Assert.False(progress.IsDone);
        progress.End();
        Assert.True(progress.IsDone);
    }

    [Fact]
    public void Caches_that_are_stale_hold_it_open()
    {
        SweepProgress progress = new();
        progress.Reset(2);
        Assert.Equal((0, 2), (progress.Sweepers, progress.StaleCaches));
        Assert.True(progress.TryBegin());
        progress.MarkDrained();
        progress.EndStaleCache();
        progress.End();
        Assert.Equal((0, 1), (progress.Sweepers, progress.StaleCaches));
        Assert.False(progress.IsDone);
        progress.EndStaleCache();
        Assert.True(progress.IsDone);
    }

    [Fact]
    public void Nobody_is_counted_in_once_it_is_done()
    {
        SweepProgress progress = new();
        for (int round = 0; round < 300; round++)
        {
            int left = 100;
            progress.Reset(0);
            StressThreads.Run(3, _ =>
            {
                while (progress.TryBegin())
                {
                    Assert.False(progress.IsDone);
                    if (Interlocked.Decrement(ref left) <= 0)
                    {
                        progress.MarkDrained();
                    }

                    progress.End();
                }
            });
            Assert.True(progress.IsDone);
            Assert.Equal(0, progress.Sweepers);
        }
    }
}
