using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tracing;

/// <summary>Handles that several threads use, that are of other heaps, and that outlive theirs.</summary>
public sealed class HandleTests
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
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_copy_that_is_used_while_another_is_disposed_touches_no_later_handle(HeapChecks checks)
    {
        int rounds = checks == HeapChecks.Full ? 20_000 : 300_000;
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = 1 << 18, Checks = checks });
        Box current = new(default);
        bool ended = false;
        StressThreads.Run(3, number =>
        {
            if (number != 0)
            {
                while (!Volatile.Read(ref ended))
                {
                    UseCopies(heap, ref current);
                }

                return;
            }

            try
            {
                for (int round = 0; round < rounds; round += 50)
                {
                    using GcScope scope = heap.Enter();
                    for (int i = 0; i < 50; i++)
                    {
                        ReplaceAndCheck(scope, ref current, round + i);
                    }
                }
            }
            finally
            {
                Volatile.Write(ref ended, true);
            }
        });

        Assert.Equal(0, heap.GetTracedStatistics().Handles);
    }

    // The handle that is made second gets the slot of the first, which others may still be about to write to.
    private static void ReplaceAndCheck(GcScope scope, ref Box current, int round)
    {
        GcHandle<Node> shared = scope.Keep(Make(scope, -1));
        Volatile.Write(ref current, new Box(shared));
        Thread.SpinWait(round % 7);
        shared.Dispose();
        GcHandle<Node> own = scope.Keep(Make(scope, round));
        for (int look = 0; look < 10; look++)
        {
            Thread.SpinWait(round % 5);
            Assert.Equal(round, own.Get(scope).Value.Value);
        }

        own.Dispose();
    }

    private static void UseCopies(NativeHeap heap, ref Box current)
    {
        using GcScope scope = heap.Enter();
        GcRef<Node> other = Make(scope, -1);
        for (int i = 0; i < 50; i++)
        {
            GcHandle<Node> copy = Volatile.Read(ref current).Handle;
            try
            {
                copy.Set(scope, other);
                GcRef<Node> seen = copy.Get(scope);
                Assert.Equal(-1, seen.Value.Value);
            }
            catch (InvalidOperationException)
            {
                // Disposed, or not made yet.
                Thread.SpinWait(1);
            }
        }
    }

    private static GcRef<Node> Make(in GcScope scope, long value)
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

    // A handle is more than one word: read and written as one by reference.
    private sealed class Box(GcHandle<Node> handle)
    {
        public GcHandle<Node> Handle => handle;
    }
}
