using System.Runtime.InteropServices;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>Properties of references, which have no scope at hand: what they ask for where a heap has full checks.</summary>
public sealed class TracedAccessTests
{
    [Fact]
    public void With_full_checks_the_thread_must_be_in_a_scope_of_the_heap()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedHeap other = TracedHeaps.Still(HeapChecks.Full);
        nint address;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Branch> node = scope.New<Branch>();
            scope.Keep(node);
            address = node.Address;
        }

        using (TracedScope scope = other.Enter())
        {
            AssertRefusedOutside(address, heap.Name);
        }

        AssertRefusedOutside(address, heap.Name);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Branch> node = new(address);
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
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint dead;
        TracedHandle<Branch> kept;
        using (TracedScope first = heap.Enter())
        {
            dead = first.New<Branch>().Address;
            kept = first.Keep(first.New<Branch>());
        }

        // The span stays, and no thread takes the dead block's slot.
        heap.CollectAndSweep();
        using TracedScope scope = heap.Enter();
        TracedRef<Branch> live = kept.Get(scope);
        Assert.Contains("has died", Assert.Throws<HeapCorruptionException>(() => new TracedRef<Branch>(dead).Key).Message, StringComparison.Ordinal);
        Assert.Throws<HeapCorruptionException>(() => Store(new TracedRef<Branch>(dead), default));
        nint liveAddress = live.Address;
        Assert.Throws<HeapCorruptionException>(() => Store(new TracedRef<Branch>(liveAddress + 8), default));
        Assert.Throws<HeapCorruptionException>(() => Store(new TracedRef<Branch>(liveAddress), new TracedRef<Branch>(dead)));
        Assert.True(live.Left.IsNull);
        heap.Verify();
    }

    [Fact]
    public void With_full_checks_a_block_of_another_heap_is_not_stored()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedHeap other = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        using TracedScope otherScope = other.Enter();
        TracedRef<Branch> node = scope.New<Branch>();
        nint own = node.Address;
        nint foreign = otherScope.New<Branch>().Address;

        Assert.Throws<HeapCorruptionException>(() => Store(new TracedRef<Branch>(own), new TracedRef<Branch>(foreign)));

        Assert.True(node.Left.IsNull);
        heap.Verify();
    }

    [Fact]
    public unsafe void With_full_checks_what_lies_in_no_heap_is_no_block()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        nint foreign = (nint)NativeMemory.AllocZeroed(1000);

        Assert.Contains("no heap", Assert.Throws<HeapCorruptionException>(() => new TracedRef<Branch>(foreign).Key).Message, StringComparison.Ordinal);

        NativeMemory.Free((void*)foreign);
    }

    [Fact]
    public void A_heap_without_full_checks_is_not_asked_when_another_has_them()
    {
        using TracedHeap checkedHeap = TracedHeaps.Still(HeapChecks.Full);
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        TracedRef<Branch> node = scope.New<Branch>();

        node.Left = node;
        node.Left.Key = 5;

        Assert.Equal(5, node.Key);
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_reference_to_nothing_has_no_fields(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedScope scope = heap.Enter();

        Assert.Throws<NullReferenceException>(static () => default(TracedRef<Branch>).Key);
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<Branch>).Left.IsNull);
        Assert.Throws<NullReferenceException>(static () => Store(default, default));
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<Broad>).Number);
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<Broad>).Last.IsNull);
        heap.Verify();
    }

    [Fact]
    public void A_reference_says_what_it_refers_to()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        TracedRef<Branch> node = scope.New<Branch>();
        TracedRef<TracedString> text = scope.NewString("text");

        Assert.Equal($"Branch at 0x{node.Address:x}", node.ToString());
        Assert.Equal($"TracedString at 0x{text.Address:x}", text.ToString());
        Assert.Equal("text", text.Value.ToString());
        Assert.Equal("null", default(TracedRef<Branch>).ToString());
    }

    private static void AssertRefusedOutside(nint address, string heap)
    {
        Assert.Contains($"no scope of the heap '{heap}'", Assert.Throws<InvalidOperationException>(() => new TracedRef<Branch>(address).Key).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => new TracedRef<Branch>(address).Left.IsNull);
        Assert.Throws<InvalidOperationException>(() => Store(new TracedRef<Branch>(address), default));
    }

    private static void Store(TracedRef<Branch> node, TracedRef<Branch> left) => node.Left = left;
}
