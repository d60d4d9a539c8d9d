using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Tracing;

/// <summary>Handles that several threads use, that are of other heaps, and that outlive theirs.</summary>
public sealed class HandleTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_handle_of_another_heap_is_refused(HeapChecks checks)
    {
        using NativeHeap heap = TracedHeaps.Still(checks);
        using NativeHeap other = TracedHeaps.Still(checks);
        GcHandle<Node> handle;
        using (GcScope scope = other.Enter())
        {
            handle = scope.Keep(scope.New<Node>());
        }

        foreach (bool set in (bool[])[false, true])
        {
            string message = Assert.Throws<InvalidOperationException>(() => Use(heap, handle, set)).Message;
            Assert.Contains($"'{heap.Name}'", message, StringComparison.Ordinal);
            Assert.Contains($"'{other.Name}'", message, StringComparison.Ordinal);
        }

        Use(other, handle, set: false);
    }

    [Fact]
    public void A_handle_is_disposed_in_peace_after_its_heap()
    {
        NativeHeap heap = TracedHeaps.Still();
        GcHandle<Node> handle;
        using (GcScope scope = heap.Enter())
        {
            handle = scope.Keep(scope.New<Node>());
        }

        heap.Dispose();
        handle.Dispose();
        using NativeHeap next = TracedHeaps.Still();
        Assert.Throws<InvalidOperationException>(() => Use(next, handle, set: true));
    }

    [Fact]
    public void A_handle_that_was_disposed_sets_nothing()
    {
        using NativeHeap heap = TracedHeaps.Still();
        GcHandle<Node> gone;
        GcHandle<Node> kept;
        using (GcScope scope = heap.Enter())
        {
            gone = scope.Keep(scope.New<Node>());
            gone.Dispose();
            kept = scope.Keep(scope.New<Node>());
            kept.Get(scope).Value.Value = 5;
        }

        Assert.Throws<InvalidOperationException>(() => Use(heap, gone, set: true));
        using GcScope look = heap.Enter();
        Assert.Equal(5, kept.Get(look).Value.Value);
    }

    [Theory]
    [InlineData(HeapChecks.Standard, 31)]
    [InlineData(HeapChecks.Full, 32)]
    public void Copies_that_are_used_while_one_is_disposed_touch_no_other_handle(HeapChecks checks, int seed)
    {
        // Thread 0 makes handles and disposes them at once; the others use copies that may be disposed, and own handles that may get
        // the slots of those.
        output.WriteLine($"seed {seed}");
        int rounds = checks == HeapChecks.Full ? 5000 : 100_000;
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = 1 << 18, Checks = checks });
        GcHandle<Node>[] shared = new GcHandle<Node>[1];
        int running = 3;
        Lock publishing = new();
        StressThreads.Run(4, number =>
        {
            StressRandom random = new((ulong)((seed * 10) + number));
            if (number == 0)
            {
                while (Volatile.Read(ref running) > 0)
                {
                    using GcScope scope = heap.Enter();
                    GcHandle<Node> made = scope.Keep(Make(scope, -1));
                    lock (publishing)
                    {
                        shared[0] = made;
                    }

                    Thread.SpinWait(random.Below(50));
                    made.Dispose();
                    scope.New<Node>();
                }

                return;
            }

            try
            {
                UseCopies(heap, rounds, number, random, () =>
                {
                    lock (publishing)
                    {
                        return shared[0];
                    }
                });
            }
            finally
            {
                Interlocked.Decrement(ref running);
            }
        });

        Assert.Equal(0, heap.GetTracedStatistics().Handles);
    }

    private static void UseCopies(NativeHeap heap, int rounds, int number, StressRandom random, Func<GcHandle<Node>> take)
    {
        for (int round = 0; round < rounds; round++)
        {
            using GcScope scope = heap.Enter();
            GcHandle<Node> copy = take();
            GcHandle<Node> own = default;
            try
            {
                if (random.OneIn(2))
                {
                    copy.Set(scope, Make(scope, -1));
                }
                else
                {
                    GcRef<Node> seen = copy.Get(scope);
                    Assert.True(seen.IsNull || seen.Value.Value == -1);
                }
            }
            catch (InvalidOperationException)
            {
                // Disposed, or not made yet.
            }

            own = scope.Keep(Make(scope, number));
            Thread.SpinWait(random.Below(20));
            Assert.Equal(number, own.Get(scope).Value.Value);
            own.Dispose();
        }
    }

    private static GcRef<Node> Make(GcScope scope, long value)
    {
        GcRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        return node;
    }

    private static void Use(NativeHeap heap, GcHandle<Node> handle, bool set)
    {
        using GcScope scope = heap.Enter();
        if (set)
        {
            handle.Set(scope, default);
        }
        else
        {
            handle.Get(scope);
        }
    }
}
