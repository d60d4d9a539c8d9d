using System.Numerics;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// In checked heaps: overwrites blocks that die, so that who still reads one sees it, and looks whether marking reached a slot that was
/// not allocated: a pointer to a free slot, which somebody kept too long.
/// </summary>
internal sealed unsafe class DeadBlockPoison(bool enabled)
{
    /// <summary>What dead blocks are filled with.</summary>
    public const byte Fill = 0xdb;

    public bool IsEnabled => enabled;

    /// <summary>Before the planes change places. By who sweeps the span.</summary>
    /// <exception cref="HeapCorruptionException">A slot is marked and not allocated.</exception>
    public void Apply(TracedSpan* span, uint marks, uint allocated)
    {
        if (!enabled)
        {
            return;
        }

        int words = span->Span.Slots == 1 ? 1 : TracedSlots.Words(span);
        for (int word = 0; word < words; word++)
        {
            ulong alive = *TracedSlots.Word(span, word, marks);
            ulong before = *TracedSlots.Word(span, word, allocated);
            SweepFault.ThrowUnless((alive & ~before) == 0, span, span->SweepGen, "has marks of allocated blocks only");
            for (ulong dead = before & ~alive; dead != 0; dead &= dead - 1)
            {
                nint block = TracedSlots.AddressOf(span, word) + (BitOperations.TrailingZeroCount(dead) * TracedBits.Granule);
                new Span<byte>((void*)block, (int)span->Span.SlotSize).Fill(Fill);
            }
        }
    }
}
