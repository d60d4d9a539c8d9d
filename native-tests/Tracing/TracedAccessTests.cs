using SpanHeap.Tests.Support;
using System.Runtime.InteropServices;

namespace SpanHeap.Tests.Tracing;

/// <summary>Properties of references, which have no scope at hand: what they ask for where a heap has full checks.</summary>
public sealed class TracedAccessTests
{
    [Fact]
    public void With_full_checks_the_thread_must_be_in_a_scope_of_the_heap()
    {
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using NativeHeap other = TracedHeaps.Still(HeapChecks.Full);
        nint address;
        using (GcScope scope = heap.Enter())
        {
            GcRef<Branch> node = scope.New<Branch>();
            scope.Keep(node);
            address = node.Address;
        }

        using (GcScope scope = other.Enter())
        {
            AssertRefusedOutside(address, heap.Name);
        }

        AssertRefusedOutside(address, heap.Name);
        using (GcScope scope = heap.Enter())
        {
            GcRef<Branch> node = new(address);
            node.Key = 3;
            Assert.Equal(3, node.Key);
            Support.StressThreads.RunOne(() => AssertRefusedOutside(address, heap.Name));
        }

        heap.CollectAndSweep();
    }

    [Fact]
    [Unguarded("it touches what has died, which faults")]
    public void With_full_checks_a_block_that_has_died_is_not_used()
    {
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint dead;
        GcHandle<Branch> kept;
        using (GcScope first = heap.Enter())
        {
            dead = first.New<Branch>().Address;
            kept = first.Keep(first.New<Branch>());
        }

        // The span stays, and nobody takes the dead block's slot.
        heap.CollectAndSweep();
        using GcScope scope = heap.Enter();
        GcRef<Branch> live = kept.Get(scope);
        Assert.Contains("has died", Assert.Throws<HeapCorruptionException>(() => new GcRef<Branch>(dead).Key).Message, StringComparison.Ordinal);
        Assert.Throws<HeapCorruptionException>(() => Store(new GcRef<Branch>(dead), default));
        nint liveAddress = live.Address;
        Assert.Throws<HeapCorruptionException>(() => Store(new GcRef<Branch>(liveAddress + 8), default));
        Assert.Throws<HeapCorruptionException>(() => Store(new GcRef<Branch>(liveAddress), new GcRef<Branch>(dead)));
        Assert.True(live.Left.IsNull);
        heap.Verify();
    }

    [Fact]
    public void With_full_checks_a_block_of_another_heap_is_not_stored()
    {
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using NativeHeap other = TracedHeaps.Still();
        using GcScope scope = heap.Enter();
        using GcScope otherScope = other.Enter();
        GcRef<Branch> node = scope.New<Branch>();
        nint own = node.Address;
        nint foreign = otherScope.New<Branch>().Address;

        Assert.Throws<HeapCorruptionException>(() => Store(new GcRef<Branch>(own), new GcRef<Branch>(foreign)));

        Assert.True(node.Left.IsNull);
        heap.Verify();
    }

    [Fact]
    public unsafe void With_full_checks_what_lies_in_no_heap_is_no_block()
    {
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using GcScope scope = heap.Enter();
        nint foreign = (nint)NativeMemory.AllocZeroed(1000);

        Assert.Contains("no heap", Assert.Throws<HeapCorruptionException>(() => new GcRef<Branch>(foreign).Key).Message, StringComparison.Ordinal);

        NativeMemory.Free((void*)foreign);
    }

    [Fact]
    public void A_heap_without_full_checks_is_not_asked_when_another_has_them()
    {
        using NativeHeap checkedHeap = TracedHeaps.Still(HeapChecks.Full);
        using NativeHeap heap = TracedHeaps.Still();
        using GcScope scope = heap.Enter();
        GcRef<Branch> node = scope.New<Branch>();

        node.Left = node;
        node.Left.Key = 5;

        Assert.Equal(5, node.Key);
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_reference_to_nothing_has_no_fields(HeapChecks checks)
    {
        using NativeHeap heap = TracedHeaps.Still(checks);
        using GcScope scope = heap.Enter();

        Assert.Throws<NullReferenceException>(static () => default(GcRef<Branch>).Key);
        Assert.Throws<NullReferenceException>(static () => default(GcRef<Branch>).Left.IsNull);
        Assert.Throws<NullReferenceException>(static () => Store(default, default));
        Assert.Throws<NullReferenceException>(static () => default(GcRef<Broad>).Number);
        Assert.Throws<NullReferenceException>(static () => default(GcRef<Broad>).Last.IsNull);
        heap.Verify();
    }

    private static void AssertRefusedOutside(nint address, string heap)
    {
        Assert.Contains($"no scope of the heap '{heap}'", Assert.Throws<InvalidOperationException>(() => new GcRef<Branch>(address).Key).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => new GcRef<Branch>(address).Left.IsNull);
        Assert.Throws<InvalidOperationException>(() => Store(new GcRef<Branch>(address), default));
    }

    private static void Store(GcRef<Branch> node, GcRef<Branch> left) => node.Left = left;
}
