using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Gating;

namespace SpanHeap.Tests.Traced.Gating;

/// <summary>How long collections wait for scopes.</summary>
public sealed class GatePatienceTests
{
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(0, 2)]
    [InlineData(0.125, 4)]
    [InlineData(0.5, 32)]
    [InlineData(1, 512)]
    [InlineData(1.125, 1000)]
    [InlineData(50, 1000)]
    [InlineData(1e300, 1000)]
    [InlineData(double.PositiveInfinity, 1000)]
    public void It_doubles_with_each_eighth_of_the_growth_by_which_the_goal_is_passed(double overshoot, double milliseconds) =>
        Assert.Equal(milliseconds, new GatePatience(s_least, s_most).At(overshoot).TotalMilliseconds, 1e-3);

    [Fact]
    public void Attempts_of_a_collection_that_was_asked_for_take_twice_as_long_each()
    {
        GatePatience patience = new(s_least, s_most);
        List<double> attempts = [];
        for (TimeSpan attempt = patience.First; attempts.Count < 12; attempt = patience.After(attempt))
        {
            attempts.Add(attempt.TotalMilliseconds);
        }

        Assert.Equal([2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000], attempts);
    }

    [Fact]
    public void It_is_never_more_than_the_option_says()
    {
        GatePatience patience = new(s_least, TimeSpan.FromMilliseconds(1));
        Assert.All(
            (TimeSpan[])[patience.First, patience.At(0), patience.At(1), patience.At(double.PositiveInfinity), patience.After(patience.First)],
            static time => Assert.Equal(1, time.TotalMilliseconds));
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void A_due_collection_waits_for_a_scope_the_longer_the_more_the_heap_has_outgrown_its_goal()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 20, ScopePatience = TimeSpan.FromSeconds(10) });
        using ManualResetEventSlim entered = new();
        Thread inScope = new(() =>
        {
            using TracedScope scope = heap.Enter();
            entered.Set();

            // Longer than a collection waits that is only just due.
            StressWait.Until(() => heap.Parts.Gate.IsClosed, static () => "no collection began");
            Stay(20);
        });
        inScope.Start();
        entered.Wait();
        using (TracedScope scope = heap.Enter())
        {
            scope.NewValues<byte>(4 << 20);
        }

        using (heap.Enter())
        {
            Assert.Equal((1, 0), (heap.GetStatistics().Collections, heap.GetStatistics().HeldUp));
        }

        inScope.Join();
    }

    [Fact]
    public void A_collection_that_was_asked_for_outlasts_scopes_that_follow_one_another()
    {
        using TracedHeap heap = TracedHeaps.Still();
        heap.Parts.Collector.LongestWait = TimeSpan.FromMinutes(2);
        bool done = false;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                using TracedScope scope = heap.Enter();
                Stay(10 + number);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        heap.Collect();
        Volatile.Write(ref done, true);
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(1, heap.GetStatistics().Collections);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(10_001)]
    [InlineData(-1)]
    public void A_patience_out_of_range_is_refused_by_name(double milliseconds)
    {
        TracedHeapOptions options = new() { ScopePatience = TimeSpan.FromMilliseconds(milliseconds) };
        Assert.Equal("ScopePatience", Assert.Throws<ArgumentOutOfRangeException>(() => new TracedHeap(options)).ParamName);
    }

    // In a scope, where Thread.Sleep itself is an error.
    private static void Stay(int milliseconds) => Thread.Sleep(milliseconds);
}
