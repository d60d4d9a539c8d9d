using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Scopes;

/// <summary>Scopes that nest, end in any order, and let collections pass.</summary>
public sealed class ScopeTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_scope_goes_on_after_it_has_yielded_and_a_collection_has_passed(HeapChecks checks)
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18, Checks = checks });
        using TracedScope scope = heap.Enter();
        using TracedHandle<Node> kept = scope.Keep(scope.New<Node>());
        kept.Get(scope).Value.Value = 7;
        while (heap.GetStatistics().Collections < 3)
        {
            for (int i = 0; i < 1000; i++)
            {
                scope.New<Node>();
            }

            scope.Yield();
        }

        Assert.Equal(7, kept.Get(scope).Value.Value);
        Assert.Equal(1, heap.GetStatistics().Handles);
    }

    [Fact]
    public void A_thread_that_yields_lets_another_collect()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using (TracedScope scope = heap.Enter())
        {
            Task collects = Task.Run(heap.Collect);
            while (!collects.IsCompleted)
            {
                scope.Yield();
            }

            Assert.False(scope.New<Node>().IsNull);
        }

        // With full checks a Yield collects as well.
        Assert.InRange(heap.GetStatistics().Collections, 1, long.MaxValue);
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Neither_of_two_nested_scopes_yields_and_both_go_on(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using (TracedScope outer = heap.Enter())
        {
            using (TracedScope inner = heap.Enter())
            {
                Assert.Contains("2 scopes", MessageOfYield(inner), StringComparison.Ordinal);
                Assert.Contains("2 scopes", MessageOfYield(outer), StringComparison.Ordinal);
                inner.New<Node>();
            }

            outer.New<Node>();
            outer.Yield();
        }

        heap.Collect();
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_yield_that_throws_ends_the_scope_and_disposing_it_hides_nothing(HeapChecks checks)
    {
        using TracedHeap heap = New(checks);
        using StressWorker worker = new();
        worker.Do(() => heap.Enter());
        heap.CollectionHeldUp += static (_, _) => throw new FormatException("of the handler");

        FormatException thrown = Assert.Throws<FormatException>(() => YieldForEver(heap));

        Assert.Equal("of the handler", thrown.Message);
        worker.Dispose();
        heap.Collect();
    }

    [Fact]
    public void With_full_checks_a_scope_whose_yield_threw_serves_no_more()
    {
        using TracedHeap heap = New(HeapChecks.Full);
        using StressWorker worker = new();
        worker.Do(() => heap.Enter());
        heap.CollectionHeldUp += static (_, _) => throw new FormatException();
        using TracedScope scope = heap.Enter();
        string? message = null;
        try
        {
            YieldUntilDue(scope);
        }
        catch (FormatException)
        {
            try
            {
                scope.New<Node>();
            }
            catch (InvalidOperationException ended)
            {
                message = ended.Message;
            }
        }

        Assert.Contains("ended", message, StringComparison.Ordinal);
        worker.Dispose();
    }

    [Fact]
    public void A_handler_that_has_a_scope_of_its_own_takes_nothing_from_the_one_that_yields()
    {
        using TracedHeap heap = New(HeapChecks.Full);
        using StressWorker worker = new();
        worker.Do(() => heap.Enter());
        bool called = false;
        heap.CollectionHeldUp += (_, _) =>
        {
            using TracedScope own = heap.Enter();
            own.New<Node>();
            called = true;
        };
        using (TracedScope scope = heap.Enter())
        {
            while (!called)
            {
                YieldUntilDue(scope);
            }

            Assert.False(scope.New<Node>().IsNull);
        }

        worker.Dispose();
    }

    [Fact]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Ending_a_scope_ends_those_within_it()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedScope outer = heap.Enter();
        TracedScope inner = heap.Enter();
        outer.Dispose();
        heap.Collect();
        inner.Dispose();
        heap.Collect();
        Assert.Equal(2, heap.GetStatistics().Collections);
    }

    [Fact]
    [Unguarded("with all blocks guarded, checks are full")]
    public void Ending_a_scope_again_ends_no_other()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedScope first = heap.Enter();
        first.Dispose();
        TracedScope second = heap.Enter();
        first.Dispose();
        TracedScope within = heap.Enter();
        within.Dispose();
        within.Dispose();
        bool refused = false;
        try
        {
            heap.Collect();
        }
        catch (InvalidOperationException)
        {
            refused = true;
        }

        Assert.True(refused, "The second scope is not open any more.");
        second.Dispose();
        heap.Collect();
    }

    [Fact]
    public void With_full_checks_a_scope_of_another_thread_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        AssertRefusedElsewhere(scope);
        Assert.False(scope.New<Node>().IsNull);
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_heap_is_not_disposed_while_a_scope_is_open(HeapChecks checks)
    {
        TracedHeap heap = TracedHeaps.Still(checks);
        using StressWorker worker = new();
        int thread = 0;
        worker.Do(() =>
        {
            heap.Enter();
            thread = Environment.CurrentManagedThreadId;
        });

        string message = Assert.Throws<InvalidOperationException>(heap.Dispose).Message;

        Assert.Contains(heap.Name, message, StringComparison.Ordinal);
        Assert.Contains($"thread {thread} ", message, StringComparison.Ordinal);
        using (TracedScope scope = heap.Enter())
        {
            scope.New<Node>();
        }

        worker.Dispose();
        heap.Dispose();
    }

    private static TracedHeap New(HeapChecks checks) => new(new TracedHeapOptions { MinimumBytes = 1 << 16, Checks = checks });

    private static void YieldForEver(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        while (true)
        {
            YieldUntilDue(scope);
        }
    }

    // Enough to make a collection due.
    private static void YieldUntilDue(TracedScope scope)
    {
        scope.NewValues<byte>(1 << 20);
        scope.Yield();
    }

    private static string MessageOfYield(TracedScope scope)
    {
        try
        {
            scope.Yield();
            return "";
        }
        catch (InvalidOperationException error)
        {
            return error.Message;
        }
    }

    // A scope cannot be captured, but it can be copied where nothing checks.
    private static unsafe void AssertRefusedElsewhere(TracedScope scope)
    {
#pragma warning disable CS8500 // A scope has a managed field; it stays where it is meanwhile.
        nint place = (nint)(&scope);
        StressThreads.RunOne(() => Assert.Throws<InvalidOperationException>(() => { ((TracedScope*)place)->New<Node>(); }));
        StressThreads.RunOne(() => Assert.Throws<InvalidOperationException>(() => { ((TracedScope*)place)->Dispose(); }));
#pragma warning restore CS8500
    }
}
