using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.CleanUps;

/// <summary>Clean-ups that throw or are refused, collections that fail, and the end of the heap.</summary>
public sealed class CleanUpFailureTests
{
    private static readonly unsafe TracedLayout s_layout = TracedLayout.Custom(&Refuse);

    private static bool s_refuses;

    [Fact]
    public void What_one_throws_is_raised_and_stops_no_other()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        object? sender = null;
        heap.CleanUpFailed += (from, failed) =>
        {
            sender = from;
            log.Add(failed.Exception.Message);
        };
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            log.Register(scope, node, "before");
            scope.OnDead(node, static message => throw new NotSupportedException(message), "thrown");
            log.Register(scope, node, "after");
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(["before", "thrown", "after"], log.Lines);
        Assert.Same(heap, sender);
        Assert.Equal((3, 1), (heap.GetStatistics().CleanUpsRun, heap.GetStatistics().CleanUpsFailed));
    }

    [Fact]
    public void One_that_throws_without_a_handler_is_counted()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), static _ => throw new NotSupportedException(), 0);
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(1, heap.GetStatistics().CleanUpsFailed);
    }

    [Fact]
    public void The_end_of_the_heap_drops_those_that_have_not_run()
    {
        TracedHeap heap = TracedHeaps.Still();
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        CleanUpLog log = new();
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), static events => { events.begun.Set(); events.goOn.Wait(); }, (begun, goOn));
            log.Register(scope, scope.New<Node>(), "queued");
        }

        TracedHandle<Node> kept = log.Register(heap, "alive");
        heap.Collect();
        begun.Wait();
        Thread disposing = new(heap.Dispose);
        disposing.Start();
        Assert.False(disposing.Join(50));
        goOn.Set();
        disposing.Join();
        Assert.Empty(log.Lines);
        Assert.Equal((1, 2), (heap.Parts.CleanUps.Counts.Run, heap.Parts.CleanUps.Counts.Dropped));
        heap.Dispose();
        kept.Dispose();
    }

    [Fact]
    public void A_clean_up_may_use_and_collect_the_heap_but_neither_dispose_it_nor_run_others()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), Use, (heap, log));
            log.Register(scope, scope.New<Node>(), "last");
        }

        heap.Collect();
        heap.RunCleanUps();
        heap.RunCleanUps();
        Assert.Equal(["first", "last", "of the new"], log.Lines);
        heap.CollectAndSweep();

        static void Use((TracedHeap Heap, CleanUpLog Log) state)
        {
            using (TracedScope scope = state.Heap.Enter())
            {
                state.Log.Register(scope, scope.New<Node>(), "of the new");
            }

            state.Heap.Collect();
            state.Heap.RunCleanUps();
            Assert.Contains("clean-ups", Assert.Throws<InvalidOperationException>(state.Heap.Dispose).Message, StringComparison.Ordinal);
            state.Log.Add("first");
        }
    }

    [Fact]
    public void Bad_arguments_and_places_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint dead = 0;
        using (TracedScope scope = heap.Enter())
        {
            dead = scope.New<Node>().Address;
            Assert.Throws<InvalidOperationException>(heap.RunCleanUps);
        }

        heap.CollectAndSweep();
        Assert.Equal("block", Assert.Throws<ArgumentException>(() => Register(heap, 0)).ParamName);
        Assert.Throws<HeapCorruptionException>(() => Register(heap, dead));
        Assert.Equal("action", Assert.Throws<ArgumentNullException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.OnDead(scope.New<Node>(), null!, 0);
        }).ParamName);
        Assert.Equal(0, heap.GetStatistics().CleanUpsRegistered);
        heap.CollectAndSweep();

        static void Register(TracedHeap heap, nint address)
        {
            using TracedScope scope = heap.Enter();
            scope.OnDead(new TracedRef<Node>(address), static _ => { }, 0);
        }
    }

    [Fact]
    public void A_collection_that_fails_clears_and_queues_nothing()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(scope.NewBytes(s_layout, 16));
            TracedRef<Node> node = scope.New<Node>();
            weak = scope.KeepWeak(node);
            log.Register(scope, node, "a");
        }

        s_refuses = true;
        Assert.Throws<InvalidOperationException>(heap.Collect);
        s_refuses = false;
        heap.RunCleanUps();
        heap.Verify();
        Assert.True(weak.IsAlive);
        Assert.Empty(log.Lines);

        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.False(weak.IsAlive);
        Assert.Equal(["a"], log.Lines);
    }

    private static void Refuse(nint block, TracedVisitor context)
    {
        if (s_refuses)
        {
            throw new NotSupportedException();
        }
    }
}
