using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.CleanUps;

/// <summary>What was registered for a block is done once when it has died, and not before.</summary>
public sealed class CleanUpTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_clean_up_runs_once_after_its_block_has_died(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        CleanUpLog log = new();
        TracedHandle<Node> kept = log.Register(heap, "a");
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Empty(log.Lines);

        kept.Dispose();
        heap.CollectAndSweep();
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Equal(["a"], log.Lines);
        TracedStatistics now = heap.GetStatistics();
        Assert.Equal((1, 0, 1, 0, 0), (now.CleanUpsRegistered, now.CleanUpsQueued, now.CleanUpsRun, now.CleanUpsFailed, now.CleanUpsCancelled));
    }

    [Fact]
    public void Clean_ups_run_in_the_order_in_which_they_were_registered()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> one = scope.New<Node>();
            TracedRef<Node> other = scope.New<Node>();
            for (int i = 0; i < 3000; i++)
            {
                // Room is made on the way, and what lives and what is cancelled lies between.
                log.Register(scope, i % 3 == 0 ? other : one, $"{i}");
                log.Register(scope, one, "cancelled").Dispose();
                scope.Keep(scope.New<Node>());
            }
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(Enumerable.Range(0, 3000).Select(static i => $"{i}"), log.Lines);
        Assert.Equal(3000, heap.GetStatistics().CleanUpsCancelled);
    }

    [Fact]
    public void One_that_is_running_is_waited_for_before_the_heap_is_verified()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using ManualResetEventSlim begun = new();
        bool ended = false;
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), _ =>
            {
                begun.Set();
                Thread.Sleep(100);
                using TracedScope own = heap.Enter();
                own.New<Node>();
                heap.Verify();
                Volatile.Write(ref ended, true);
            }, 0);
        }

        heap.Collect();
        begun.Wait();
        heap.Verify();
        Assert.True(Volatile.Read(ref ended));
        heap.RunCleanUps();
        Assert.Equal(0, heap.GetStatistics().CleanUpsFailed);
    }

    [Fact]
    public void They_run_on_a_thread_of_their_own_without_being_asked()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), static log => log.Add($"{Thread.CurrentThread.Name}, {Environment.CurrentManagedThreadId}"), log);
            scope.OnDead(scope.New<Node>(), static log => log.Add("second"), log);
        }

        heap.Collect();
        StressWait.Until(() => log.Lines.Count == 2, () => "the clean-ups did not run");
        Assert.StartsWith("SpanHeap clean-ups, ", log.Lines[0], StringComparison.Ordinal);
        Assert.NotEqual($"SpanHeap clean-ups, {Environment.CurrentManagedThreadId}", log.Lines[0]);
    }

    [Fact]
    public void When_one_runs_the_weak_handles_of_its_block_are_dead_already()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        for (int i = 0; i < 50; i++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Node> node = scope.New<Node>();
            scope.OnDead(node, Look, (heap, scope.KeepWeak(node), log));
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(Enumerable.Repeat("False False", 50), log.Lines);

        static void Look((TracedHeap Heap, TracedWeakHandle<Node> Weak, CleanUpLog Log) state)
        {
            using TracedScope scope = state.Heap.Enter();
            state.Log.Add($"{state.Weak.IsAlive} {state.Weak.TryGet(scope, out _)}");
        }
    }

    [Fact]
    public void One_that_is_cancelled_while_its_block_lives_never_runs()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        TracedCleanUp cleanUp;
        using (TracedScope scope = heap.Enter())
        {
            cleanUp = log.Register(scope, scope.New<Node>(), "a");
        }

        Assert.True(cleanUp.TryCancel());
        Assert.False(cleanUp.TryCancel());
        cleanUp.Dispose();
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Empty(log.Lines);
        TracedStatistics now = heap.GetStatistics();
        Assert.Equal((1, 0, 0, 1), (now.CleanUpsRegistered, now.CleanUpsQueued, now.CleanUpsRun, now.CleanUpsCancelled));
        Assert.False(default(TracedCleanUp).TryCancel());
    }

    [Fact]
    public void Those_that_were_cancelled_do_not_pile_up_while_their_block_lives()
    {
        using TracedHeap heap = TracedHeaps.Still();
        CleanUpLog log = new();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            for (int i = 0; i < 100_000; i++)
            {
                TracedCleanUp cleanUp = log.Register(scope, node, $"{i}");
                if (i % 100 != 0)
                {
                    cleanUp.Dispose();
                }
            }

            Assert.InRange(heap.Parts.CleanUps.Count, 1000, 4000);
        }

        heap.CollectAndSweep();
        Assert.Equal(0, heap.Parts.CleanUps.Count);
        heap.RunCleanUps();
        Assert.Equal(Enumerable.Range(0, 1000).Select(static i => $"{i * 100}"), log.Lines);
    }

    [Fact]
    public void One_that_waits_for_another_can_be_cancelled_and_one_that_runs_cannot()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        CleanUpLog log = new();
        TracedCleanUp running;
        TracedCleanUp waiting;
        using (TracedScope scope = heap.Enter())
        {
            running = scope.OnDead(scope.New<Node>(), static events => { events.begun.Set(); events.goOn.Wait(); }, (begun, goOn));
            waiting = log.Register(scope, scope.New<Node>(), "waiting");
            log.Register(scope, scope.New<Node>(), "last");
        }

        heap.Collect();
        begun.Wait();
        Assert.Equal(2, heap.GetStatistics().CleanUpsQueued);
        Assert.False(running.TryCancel());
        Assert.True(waiting.TryCancel());
        goOn.Set();
        heap.RunCleanUps();
        Assert.Equal(["last"], log.Lines);
        Assert.Equal((2, 1), (heap.GetStatistics().CleanUpsRun, heap.GetStatistics().CleanUpsCancelled));
    }

    [Fact]
    public void One_that_is_cancelled_or_has_run_lets_its_state_go()
    {
        using TracedHeap heap = TracedHeaps.Still();
        (TracedCleanUp cancelled, WeakReference first) = RegisterObject(heap, keeps: true);
        (TracedCleanUp ran, WeakReference second) = RegisterObject(heap, keeps: false);
        cancelled.Dispose();
        heap.Collect();
        heap.RunCleanUps();
        GC.Collect();
        Assert.Equal((false, false), (first.IsAlive, second.IsAlive));
        Assert.False(ran.TryCancel());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (TracedCleanUp CleanUp, WeakReference State) RegisterObject(TracedHeap heap, bool keeps)
    {
        object state = new();
        using TracedScope scope = heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        if (keeps)
        {
            scope.Keep(node);
        }

        return (scope.OnDead(node, static _ => { }, state), new WeakReference(state));
    }
}
