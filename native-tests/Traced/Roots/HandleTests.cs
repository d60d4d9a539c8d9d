using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>Handles that several threads use, that are of other heaps, and that outlive theirs.</summary>
public sealed class HandleTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_handle_of_another_heap_is_refused(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedHeap other = TracedHeaps.Still(checks);
        TracedHandle<Node> handle;
        using (TracedScope scope = other.Enter())
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
        TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node> handle;
        using (TracedScope scope = heap.Enter())
        {
            handle = scope.Keep(scope.New<Node>());
        }

        heap.Dispose();
        handle.Dispose();
        using TracedHeap next = TracedHeaps.Still();
        Assert.Throws<InvalidOperationException>(() => Use(next, handle, set: true));
    }

    [Fact]
    public void A_handle_that_was_disposed_sets_nothing()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node> gone;
        TracedHandle<Node> kept;
        using (TracedScope scope = heap.Enter())
        {
            gone = scope.Keep(scope.New<Node>());
            gone.Dispose();
            kept = scope.Keep(scope.New<Node>());
            kept.Get(scope).Value.Value = 5;
        }

        Assert.Throws<InvalidOperationException>(() => Use(heap, gone, set: true));
        using TracedScope look = heap.Enter();
        Assert.Equal(5, kept.Get(look).Value.Value);
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_copy_that_is_used_while_another_is_disposed_touches_no_later_handle(HeapChecks checks)
    {
        int rounds = checks == HeapChecks.Full ? 20_000 : 300_000;
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18, Checks = checks });
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
                    using TracedScope scope = heap.Enter();
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

        Assert.Equal(0, heap.GetStatistics().Handles);
    }

    // The handle that is made second gets the slot of the first, which others may still be about to write to.
    private static void ReplaceAndCheck(TracedScope scope, ref Box current, int round)
    {
        TracedHandle<Node> shared = scope.Keep(Make(scope, -1));
        Volatile.Write(ref current, new Box(shared));
        Thread.SpinWait(round % 7);
        shared.Dispose();
        TracedHandle<Node> own = scope.Keep(Make(scope, round));
        for (int look = 0; look < 10; look++)
        {
            Thread.SpinWait(round % 5);
            Assert.Equal(round, own.Get(scope).Value.Value);
        }

        own.Dispose();
    }

    private static void UseCopies(TracedHeap heap, ref Box current)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<Node> other = Make(scope, -1);
        for (int i = 0; i < 50; i++)
        {
            TracedHandle<Node> copy = Volatile.Read(ref current).Handle;
            try
            {
                copy.Set(scope, other);
                TracedRef<Node> seen = copy.Get(scope);
                Assert.Equal(-1, seen.Value.Value);
            }
            catch (InvalidOperationException)
            {
                // Disposed, or not made yet.
                Thread.SpinWait(1);
            }
        }
    }

    private static TracedRef<Node> Make(in TracedScope scope, long value)
    {
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        return node;
    }

    private static void Use(TracedHeap heap, TracedHandle<Node> handle, bool set)
    {
        using TracedScope scope = heap.Enter();
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
    private sealed class Box(TracedHandle<Node> handle)
    {
        public TracedHandle<Node> Handle => handle;
    }
}
