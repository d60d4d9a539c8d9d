using SpanHeap.Pages;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Checks;

public sealed class MisuseTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Traced_blocks_are_not_freed_by_hand(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        FreeOnce(heap);
        nint small;
        nint large;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(100_000);
            array.Value[0].Set(scope, node);
            scope.Keep(array);
            small = node.Address;
            large = array.Address;
        }

        foreach (nint address in (nint[])[small, small + 8, small + 4000, large, large + 8, large + PageGeometry.PageSize, large + 700_000])
        {
            Misuse.AssertRefused(heap.Native, address, MisuseKind.TracedBlock);
        }

        heap.CollectAndSweep();
        foreach (nint address in (nint[])[small, large])
        {
            Misuse.AssertRefused(heap.Native, address, MisuseKind.TracedBlock);
        }

        Assert.Equal((1L, 1L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Traced_blocks_are_no_blocks_of_the_manual_heap()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        nint small = scope.New<Node>().Address;
        nint large = scope.NewArray<Node>(100_000).Address;
        Assert.False(Contains(heap, small) || Contains(heap, large) || Contains(heap, large + 100_000));
    }

    [Fact]
    public void With_full_checks_a_scope_that_has_ended_serves_no_more()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedScope scope = heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        TracedHandle<Node> handle = scope.Keep(node);
        scope.Dispose();
        AssertEnded(scope, node, handle);
        TracedScope next = heap.Enter();
        AssertEnded(scope, node, handle);
        Assert.False(next.New<Node>().IsNull);
        next.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void With_full_checks_a_reference_to_anything_else_is_not_stored()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedHeap other = TracedHeaps.Still(HeapChecks.Full);
        nint manual = AddressOf(heap);
        using TracedScope scope = heap.Enter();
        using TracedScope otherScope = other.Enter();
        TracedRef<Node> node = scope.New<Node>();
        TracedHandle<Node> handle = scope.Keep(node);
        nint foreign = otherScope.New<Node>().Address;
        nint large = scope.NewArray<Node>(100_000).Address;
        foreach (nint address in (nint[])[1, manual, foreign, node.Address + 8, node.Address + 24, large + 8, large + 100_000, nint.MaxValue & -16, -16])
        {
            AssertNotStored(scope, node, handle, address);
        }

        node.Value.Left.Set(scope, new TracedRef<Node>(large));
        Assert.True(node.Value.Right.IsNull);
    }

    [Fact]
    [Unguarded("it touches what has died, which faults")]
    public void With_full_checks_dead_blocks_are_overwritten()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint dead;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = 5;
            dead = node.Address;
            scope.Keep(scope.New<Node>());
        }

        heap.CollectAndSweep();
        Assert.Equal(0xdb, ByteAt(dead + 16));
    }

    [Fact]
    public void Yielding_within_another_scope_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        InvalidOperationException? refused = null;
        using (TracedScope outer = heap.Enter())
        {
            using TracedScope inner = heap.Enter();
            try
            {
                inner.Yield();
            }
            catch (InvalidOperationException error)
            {
                refused = error;
            }
        }

        Assert.NotNull(refused);
        heap.CollectAndSweep();
    }

    [Fact]
    public void Handles_that_were_disposed_are_refused_and_disposed_again_in_vain()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node> first;
        TracedHandle<Node> second;
        using (TracedScope scope = heap.Enter())
        {
            first = scope.Keep(scope.New<Node>());
            first.Dispose();
            second = scope.Keep(scope.New<Node>());
        }

        first.Dispose();
        Assert.Equal(1, heap.Parts.Roots.Count);
        Assert.NotEqual(first, second);
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            first.Get(scope);
        });
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            default(TracedHandle<Node>).Get(scope);
        });
        default(TracedHandle<Node>).Dispose();
        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void After_disposal_there_are_no_scopes()
    {
        TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(scope.New<Node>());
            scope.NewArray<Node>(1_000_000);
        }

        heap.Dispose();
        heap.Dispose();
        Assert.Throws<ObjectDisposedException>(() => heap.Enter());
        Assert.Throws<ObjectDisposedException>(heap.Collect);
    }

    private static unsafe int ByteAt(nint address) => *(byte*)address;

    private static unsafe bool Contains(TracedHeap heap, nint address) => heap.Native.Contains((void*)address);

    private static unsafe nint AddressOf(TracedHeap heap) => (nint)heap.Native.Alloc(100);

    private static unsafe void FreeOnce(TracedHeap heap) => heap.Native.Free(heap.Native.Alloc(8));

    private static void AssertEnded(TracedScope scope, TracedRef<Node> node, TracedHandle<Node> handle)
    {
        for (int what = 0; what < 7; what++)
        {
            bool thrown = false;
            try
            {
                switch (what)
                {
                    case 0: scope.New<Node>(); break;
                    case 1: scope.NewArray<Node>(5); break;
                    case 2: scope.Keep(node); break;
                    case 3: handle.Get(scope); break;
                    case 4: node.Value.Left.Get(scope); break;
                    case 5: node.Value.Left.Set(scope, default); break;
                    default: scope.Dispose(); break;
                }
            }
            catch (InvalidOperationException)
            {
                thrown = true;
            }

            Assert.True(thrown, $"{what}");
        }
    }

    private static void AssertNotStored(TracedScope scope, TracedRef<Node> node, TracedHandle<Node> handle, nint address)
    {
        for (int what = 0; what < 3; what++)
        {
            bool thrown = false;
            try
            {
                switch (what)
                {
                    case 0: node.Value.Right.Set(scope, new TracedRef<Node>(address)); break;
                    case 1: handle.Set(scope, new TracedRef<Node>(address)); break;
                    default: scope.Keep(new TracedRef<Node>(address)); break;
                }
            }
            catch (HeapCorruptionException)
            {
                thrown = true;
            }

            Assert.True(thrown, $"0x{address:x} {what}");
        }
    }
}
