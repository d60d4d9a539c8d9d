using SpanHeap.Spans;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Checks;

/// <summary>
/// With full checks: what is read and written through references that were kept beyond their block's life. Nothing is kept back, so that slots
/// serve again at once.
/// </summary>
[Unguarded("it touches what has died, which faults")]
public sealed unsafe class PoisonTests : IDisposable
{
    private readonly TracedHeap _heap = TracedHeaps.Checked(quarantineBytes: 0);

    public void Dispose() => _heap.Dispose();

    [Fact]
    public void Who_reads_a_dead_block_sees_the_fill_to_its_last_byte()
    {
        nint dead = MakeDead();
        Assert.Equal(-1, SlotAt(dead).IndexOfAnyExcept(DeadBlockPoison.Fill));
    }

    [Fact]
    public void Who_reads_a_dead_large_block_sees_the_fill()
    {
        nint dead;
        using (TracedScope scope = _heap.Enter())
        {
            dead = scope.NewArray<Node>(100_000).Address;
        }

        _heap.CollectAndSweep();
        Assert.Equal(-1, new System.Span<byte>((void*)dead, 8 * 100_001).IndexOfAnyExcept(DeadBlockPoison.Fill));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(23)]
    [InlineData(31)]
    public void A_write_to_a_dead_block_is_found_before_its_slot_serves_again(int offset)
    {
        nint dead = MakeDead();
        *(byte*)(dead + offset) = 5;

        HeapCorruptionException error = AssertRefused(_heap);

        Assert.Equal(dead, error.Address);
        Assert.Contains($"0x{dead:x} (Node) was written to after it had died: byte {offset} is 0x05", error.Plain(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_to_a_dead_block_is_found_by_Verify()
    {
        nint dead = MakeDead();
        *(byte*)(dead + 8) = 7;
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_heap.Verify);
        Assert.Contains($"0x{dead:x} (Node) was written to after it had died: byte 8 is 0x07", error.Plain(), StringComparison.Ordinal);
        *(byte*)(dead + 8) = DeadBlockPoison.Fill;
        _heap.Verify();
    }

    [Fact]
    public void A_write_to_an_array_that_died_is_found()
    {
        nint dead;
        using (TracedScope scope = _heap.Enter())
        {
            scope.Keep(scope.NewArray<Node>(20));
            dead = scope.NewArray<Node>(20).Address;
        }

        _heap.CollectAndSweep();
        *(long*)(dead + 8) = 0;
        bool found = false;
        using (TracedScope scope = _heap.Enter())
        {
            try
            {
                scope.NewArray<Node>(20);
            }
            catch (HeapCorruptionException error)
            {
                found = error.Address == dead;
            }
        }

        Assert.True(found);
    }

    [Fact]
    public void A_program_that_was_warned_once_can_go_on()
    {
        nint dead = MakeDead();
        *(byte*)(dead + 8) = 5;
        AssertRefused(_heap);
        using (TracedScope scope = _heap.Enter())
        {
            for (int i = 0; i < 1000; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                Assert.True(node.Value.Left.IsNull && node.Value.Right.IsNull && node.Value.Value == 0);
            }
        }

        _heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void Slots_that_a_cache_took_and_gave_back_unused_serve_again()
    {
        for (int round = 0; round < 10; round++)
        {
            using (TracedScope scope = _heap.Enter())
            {
                scope.Keep(scope.New<Node>());
            }

            _heap.CollectAndSweep();
            _heap.Verify();
        }

        Assert.Equal((10L, 0L), TracedCensus.Take(_heap));
    }

    [Fact]
    public void A_heap_with_standard_checks_touches_no_dead_block()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint dead;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = 77;
            dead = node.Address;
            scope.Keep(scope.New<Node>());
        }

        heap.CollectAndSweep();
        Assert.Equal(77, *(long*)(dead + 16));
    }

    // Beside one that lives, so that its span stays.
    private nint MakeDead()
    {
        nint dead;
        using (TracedScope scope = _heap.Enter())
        {
            scope.Keep(scope.New<Node>());
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = 12;
            dead = node.Address;
        }

        _heap.CollectAndSweep();
        return dead;
    }

    private static System.Span<byte> SlotAt(nint block) =>
        new((void*)block, (int)((TracedSpan*)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block)))->Span.SlotSize);

    private static HeapCorruptionException AssertRefused(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        try
        {
            scope.New<Node>();
        }
        catch (HeapCorruptionException error)
        {
            return error;
        }

        throw new InvalidOperationException("A slot served that had been written to.");
    }
}
