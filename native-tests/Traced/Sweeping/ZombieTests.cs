using SpanHeap.Spans;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Marks of slots that were not allocated: a pointer to a block that is gone was kept.</summary>
[Trait("Category", "Protocol")]
[Unguarded("it touches what has died, which faults")]
public sealed unsafe class ZombieTests
{
    [Fact]
    public void S21_More_marks_than_blocks_are_said_to_be_wrong()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedSpan* span = MarkOneTooMany(heap, kept: 10);

        HeapCorruptionException error = AssertRefused(heap, span, poison: false);

        Assert.Contains("no more blocks marked than were allocated", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void S21_With_full_checks_one_mark_of_a_free_slot_is_enough(int kept)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedSpan* span = MarkOneTooMany(heap, kept);

        HeapCorruptionException error = AssertRefused(heap, span, poison: true);

        Assert.Contains("has marks of allocated blocks only", error.Message, StringComparison.Ordinal);
        Assert.Equal(span->Span.Base, error.Address);
    }

    [Fact]
    public void S21_A_span_of_another_state_is_not_swept()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedSpan* span = MarkOneTooMany(heap, kept: 10);
        span->Span.State = SpanState.InUse;

        HeapCorruptionException error = AssertRefused(heap, span, poison: false);

        Assert.Contains("is being swept", error.Message, StringComparison.Ordinal);
        span->Span.State = SpanState.Traced;
    }

    // A span with ten blocks, of which so many are kept, not swept yet; and the mark of a slot that was not allocated.
    private static TracedSpan* MarkOneTooMany(TracedHeap heap, int kept)
    {
        nint block = 0;
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 10; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                block = node.Address;
                if (i < kept)
                {
                    scope.Keep(node);
                }
            }
        }

        QuietCycle.Mark(heap.Parts);
        Assert.True(TracedLookup.TryFind(block, heap.Parts.Serial, out TracedSpan* span, out _));
        nint free = span->Span.Base + ((span->Span.Slots - 1) * (nint)span->Span.SlotSize);
        *TracedBits.WordOf(free, SweepGeneration.AllocBitmap(heap.Parts.Sweeper.Generation)) |= TracedBits.BitOf(free);
        return span;
    }

    private static HeapCorruptionException AssertRefused(TracedHeap heap, TracedSpan* span, bool poison) => Assert.Throws<HeapCorruptionException>(() =>
    {
        Assert.True(SweepToken.TryAcquire(span, heap.Parts.Sweeper.Generation, out SweepToken token));
        SweepTally tally = default;
        new SpanSweeper(heap.Parts.Spans, new DeadBlockPoison(poison), quarantine: null, keepsMarks: false).SweepAndKeep(token, ref tally);
    });
}
