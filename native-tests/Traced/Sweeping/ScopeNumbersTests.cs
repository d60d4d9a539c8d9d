using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Sweeping;

#pragma warning disable SPAN011 // Scopes that others end, or that are left open, are what this is about.

/// <summary>A scope that has ended is distinguished from a later one at the same depth.</summary>
public sealed unsafe class ScopeNumbersTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(100)]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Ending_a_nested_scope_twice_ends_no_other(int depth)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedScope outer = heap.Enter();
        for (int i = 2; i < depth; i++)
        {
            heap.Enter();
        }

        TracedScope first = heap.Enter();
        first.Dispose();
        TracedScope second = heap.Enter();
        first.Dispose();
        Assert.Equal(depth, second.Cache->Depth);
        second.New<Node>();
        second.Dispose();
        second.Dispose();
        Assert.Equal(depth - 1, outer.Cache->Depth);
        outer.Dispose();
        Assert.Equal(0, outer.Cache->Depth);
        first.Dispose();
        heap.CollectAndSweep();
    }

    [Fact]
    public void Ending_an_outer_scope_ends_those_within_it_and_they_stay_ended()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedScope outer = heap.Enter();
        TracedScope inner = heap.Enter();
        heap.Enter();
        inner.Dispose();
        Assert.Equal(1, outer.Cache->Depth);
        TracedScope next = heap.Enter();
        outer.Dispose();
        Assert.Equal(0, next.Cache->Depth);
        TracedScope later = heap.Enter();
        TracedScope within = heap.Enter();
        Assert.Equal(2, within.Cache->Depth);
        within.Dispose();
        later.Dispose();
        heap.CollectAndSweep();
    }

    [Fact]
    public void Full_checks_refuse_an_ended_nested_scope_though_another_is_open_at_its_depth()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope outer = heap.Enter();
        TracedScope first = heap.Enter();
        first.Dispose();
        using TracedScope second = heap.Enter();
        string? refusal = null;
        try
        {
            first.New<Node>();
        }
        catch (InvalidOperationException error)
        {
            refusal = error.Message;
        }

        Assert.Contains("has ended", refusal, StringComparison.Ordinal);
        second.New<Node>();
    }
}
