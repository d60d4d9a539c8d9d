using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tracing;

/// <summary>What was registered for a block is done once when it has died, and not before.</summary>
public sealed class CleanUpTests
{
    private static bool s_refuses;

    private static readonly unsafe TracedLayout s_layout = TracedLayout.Custom(&Refuse);

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_clean_up_runs_once_after_its_block_has_died(HeapChecks checks)
    {
        using NativeHeap heap = TracedHeaps.Still(checks);
        Log log = new();
        GcHandle<Node> kept = Register(heap, log, "a");
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Empty(log.Lines);

        kept.Dispose();
        heap.CollectAndSweep();
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Equal(["a"], log.Lines);
        TracedStatistics now = heap.GetTracedStatistics();
        Assert.Equal((1, 0, 1, 0, 0), (now.CleanUpsRegistered, now.CleanUpsQueued, now.CleanUpsRun, now.CleanUpsFailed, now.CleanUpsCancelled));
    }

    [Fact]
    public void Clean_ups_run_in_the_order_in_which_they_were_registered()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        using (GcScope scope = heap.Enter())
        {
            GcRef<Node> one = scope.New<Node>();
            GcRef<Node> other = scope.New<Node>();
            for (int i = 0; i < 200; i++)
            {
                // Room is made on the way, and what lives and what is cancelled lies between.
                Register(scope, i % 3 == 0 ? other : one, log, $"{i}");
                Register(scope, one, log, "cancelled").Dispose();
                scope.Keep(scope.New<Node>());
            }
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(Enumerable.Range(0, 200).Select(static i => $"{i}"), log.Lines);
        Assert.Equal(200, heap.GetTracedStatistics().CleanUpsCancelled);
    }

    [Fact]
    public void They_run_on_a_thread_of_their_own_without_being_asked()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        using (GcScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), static log => log.Add($"{Thread.CurrentThread.Name}, {Environment.CurrentManagedThreadId}"), log);
            scope.OnDead(scope.New<Node>(), static log => log.Add("second"), log);
        }

        heap.Collect();
        StressWait.Until(() => log.Lines.Count == 2, () => "the clean-ups did not run");
        Assert.StartsWith("SpanHeap clean-ups, ", log.Lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain($", {Environment.CurrentManagedThreadId}", log.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void When_one_runs_the_weak_handles_of_its_block_are_dead_already()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        for (int i = 0; i < 50; i++)
        {
            using GcScope scope = heap.Enter();
            GcRef<Node> node = scope.New<Node>();
            scope.OnDead(node, Look, (heap, scope.KeepWeak(node), log));
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(Enumerable.Repeat("False False", 50), log.Lines);

        static void Look((NativeHeap Heap, GcWeakHandle<Node> Weak, Log Log) state)
        {
            using GcScope scope = state.Heap.Enter();
            state.Log.Add($"{state.Weak.IsAlive} {state.Weak.TryGet(scope, out _)}");
        }
    }

    [Fact]
    public void What_one_throws_is_raised_and_stops_no_other()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        object? sender = null;
        heap.CleanUpFailed += (from, failed) =>
        {
            sender = from;
            log.Add(failed.Exception.Message);
        };
        using (GcScope scope = heap.Enter())
        {
            GcRef<Node> node = scope.New<Node>();
            Register(scope, node, log, "before");
            scope.OnDead(node, static message => throw new NotSupportedException(message), "thrown");
            Register(scope, node, log, "after");
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(["before", "thrown", "after"], log.Lines);
        Assert.Same(heap, sender);
        Assert.Equal((3, 1), (heap.GetTracedStatistics().CleanUpsRun, heap.GetTracedStatistics().CleanUpsFailed));
    }

    [Fact]
    public void One_that_throws_without_a_handler_is_counted()
    {
        using NativeHeap heap = TracedHeaps.Still();
        using (GcScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), static _ => throw new NotSupportedException(), 0);
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal(1, heap.GetTracedStatistics().CleanUpsFailed);
    }

    [Fact]
    public void One_that_is_cancelled_while_its_block_lives_never_runs()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        GcCleanUp cleanUp;
        using (GcScope scope = heap.Enter())
        {
            cleanUp = Register(scope, scope.New<Node>(), log, "a");
        }

        Assert.True(cleanUp.TryCancel());
        Assert.False(cleanUp.TryCancel());
        cleanUp.Dispose();
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Empty(log.Lines);
        TracedStatistics now = heap.GetTracedStatistics();
        Assert.Equal((1, 0, 0, 1), (now.CleanUpsRegistered, now.CleanUpsQueued, now.CleanUpsRun, now.CleanUpsCancelled));
        Assert.False(default(GcCleanUp).TryCancel());
    }

    [Fact]
    public void One_that_waits_behind_another_can_be_cancelled_and_one_that_runs_cannot()
    {
        using NativeHeap heap = TracedHeaps.Still();
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        Log log = new();
        GcCleanUp running;
        GcCleanUp waiting;
        using (GcScope scope = heap.Enter())
        {
            running = scope.OnDead(scope.New<Node>(), static events => { events.begun.Set(); events.goOn.Wait(); }, (begun, goOn));
            waiting = Register(scope, scope.New<Node>(), log, "waiting");
            Register(scope, scope.New<Node>(), log, "last");
        }

        heap.Collect();
        begun.Wait();
        Assert.Equal(2, heap.GetTracedStatistics().CleanUpsQueued);
        Assert.False(running.TryCancel());
        Assert.True(waiting.TryCancel());
        goOn.Set();
        heap.RunCleanUps();
        Assert.Equal(["last"], log.Lines);
        Assert.Equal((2, 1), (heap.GetTracedStatistics().CleanUpsRun, heap.GetTracedStatistics().CleanUpsCancelled));
    }

    [Fact]
    public void One_that_is_cancelled_or_has_run_lets_its_state_go()
    {
        using NativeHeap heap = TracedHeaps.Still();
        (GcCleanUp cancelled, WeakReference first) = RegisterObject(heap, keeps: true);
        (GcCleanUp ran, WeakReference second) = RegisterObject(heap, keeps: false);
        cancelled.Dispose();
        heap.Collect();
        heap.RunCleanUps();
        GC.Collect();
        Assert.Equal((false, false), (first.IsAlive, second.IsAlive));
        Assert.False(ran.TryCancel());
    }

    [Fact]
    public void The_end_of_the_heap_drops_those_that_have_not_run()
    {
        NativeHeap heap = TracedHeaps.Still();
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        Log log = new();
        using (GcScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), static events => { events.begun.Set(); events.goOn.Wait(); }, (begun, goOn));
            Register(scope, scope.New<Node>(), log, "queued");
        }

        GcHandle<Node> kept = Register(heap, log, "alive");
        heap.Collect();
        begun.Wait();
        Thread disposing = new(heap.Dispose);
        disposing.Start();
        Assert.False(disposing.Join(50));
        goOn.Set();
        disposing.Join();
        Assert.Empty(log.Lines);
        Assert.Equal((1, 2), (heap.Traced.CleanUps.Counts.Run, heap.Traced.CleanUps.Counts.Dropped));
        kept.Dispose();
    }

    [Fact]
    public void A_clean_up_may_use_and_collect_the_heap_but_neither_dispose_it_nor_run_others()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        using (GcScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), Use, (heap, log));
            Register(scope, scope.New<Node>(), log, "last");
        }

        heap.Collect();
        heap.RunCleanUps();
        heap.RunCleanUps();
        Assert.Equal(["first", "last", "of the new"], log.Lines);
        heap.CollectAndSweep();

        static void Use((NativeHeap Heap, Log Log) state)
        {
            using (GcScope scope = state.Heap.Enter())
            {
                Register(scope, scope.New<Node>(), state.Log, "of the new");
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
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint dead = 0;
        using (GcScope scope = heap.Enter())
        {
            dead = scope.New<Node>().Address;
            Assert.Throws<InvalidOperationException>(heap.RunCleanUps);
        }

        heap.CollectAndSweep();
        Assert.Equal("block", Assert.Throws<ArgumentException>(() => Register(heap, 0)).ParamName);
        Assert.Throws<HeapCorruptionException>(() => Register(heap, dead));
        Assert.Equal("action", Assert.Throws<ArgumentNullException>(() =>
        {
            using GcScope scope = heap.Enter();
            scope.OnDead(scope.New<Node>(), null!, 0);
        }).ParamName);
        Assert.Equal(0, heap.GetTracedStatistics().CleanUpsRegistered);
        heap.CollectAndSweep();

        static void Register(NativeHeap heap, nint address)
        {
            using GcScope scope = heap.Enter();
            scope.OnDead(new GcRef<Node>(address), static _ => { }, 0);
        }
    }

    [Fact]
    public void A_collection_that_fails_clears_and_queues_nothing()
    {
        using NativeHeap heap = TracedHeaps.Still();
        Log log = new();
        GcWeakHandle<Node> weak;
        using (GcScope scope = heap.Enter())
        {
            scope.Keep(scope.NewBytes(s_layout, 16));
            GcRef<Node> node = scope.New<Node>();
            weak = scope.KeepWeak(node);
            Register(scope, node, log, "a");
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

    private static GcHandle<Node> Register(NativeHeap heap, Log log, string line)
    {
        using GcScope scope = heap.Enter();
        GcRef<Node> node = scope.New<Node>();
        Register(scope, node, log, line);
        return scope.Keep(node);
    }

    private static GcCleanUp Register(in GcScope scope, GcRef<Node> node, Log log, string line) =>
        scope.OnDead(node, static state => state.log.Add(state.line), (log, line));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (GcCleanUp CleanUp, WeakReference State) RegisterObject(NativeHeap heap, bool keeps)
    {
        object state = new();
        using GcScope scope = heap.Enter();
        GcRef<Node> node = scope.New<Node>();
        if (keeps)
        {
            scope.Keep(node);
        }

        return (scope.OnDead(node, static _ => { }, state), new WeakReference(state));
    }

    private static void Refuse(nint block, TraceContext context)
    {
        if (s_refuses)
        {
            throw new NotSupportedException();
        }
    }

    private sealed class Log
    {
        private readonly List<string> _lines = [];

        public List<string> Lines
        {
            get
            {
                lock (_lines)
                {
                    return [.. _lines];
                }
            }
        }

        public void Add(string line)
        {
            lock (_lines)
            {
                _lines.Add(line);
            }
        }
    }
}
