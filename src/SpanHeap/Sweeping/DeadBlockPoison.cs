using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// In checked heaps: overwrites blocks that die, so that who still reads one sees it; and looks whether the bytes are still there when
/// the slot is used again, so that who still writes one is found out. Free slots of traced spans are always filled.
/// </summary>
/// <remarks>What is written to large blocks, and to spans in which nothing is left, is found only until their pages go.</remarks>
internal sealed unsafe class DeadBlockPoison(bool enabled)
{
    /// <summary>What dead blocks are filled with.</summary>
    public const byte Fill = 0xdb;

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
                SlotOf(span, word, dead).Fill(Fill);
            }
        }
    }

    /// <summary>Fills a span that is just made, if one is; its maker's alone.</summary>
    /// <returns>The span.</returns>
    public TracedSpan* ApplyToFresh(TracedSpan* span)
    {
        if (enabled && span != null)
        {
            new Span<byte>((void*)span->Span.Base, (int)(span->Span.SlotSize * (nuint)span->Span.Slots)).Fill(Fill);
        }

        return span;
    }

    /// <summary>Free slots of a word are about to be used. By who has the span; nothing has changed yet.</summary>
    /// <exception cref="HeapCorruptionException">One was written to. It is filled again: who goes on hears of it once.</exception>
    public void RequireUntouched(TracedSpan* span, int word, ulong free)
    {
        if (!enabled)
        {
            return;
        }

        for (; free != 0; free &= free - 1)
        {
            Span<byte> slot = SlotOf(span, word, free);
            int written = slot.IndexOfAnyExcept(Fill);
            if (written >= 0)
            {
                HeapCorruptionException fault =
                    SweepFault.WrittenAfterDeath(TracedSlots.AddressOf(span, word, free), span->Kind, written, slot[written]);
                slot.Fill(Fill);
                throw fault;
            }
        }
    }

    /// <summary>The same for who only looks: nothing is filled again.</summary>
    /// <exception cref="HeapCorruptionException">A free slot was written to.</exception>
    public static void Verify(TracedSpan* span, nint slot)
    {
        Span<byte> bytes = new((void*)slot, (int)span->Span.SlotSize);
        int written = bytes.IndexOfAnyExcept(Fill);
        if (written >= 0)
        {
            throw SweepFault.WrittenAfterDeath(slot, span->Kind, written, bytes[written]);
        }
    }

    private static Span<byte> SlotOf(TracedSpan* span, int word, ulong bits) =>
        new((void*)TracedSlots.AddressOf(span, word, bits), (int)span->Span.SlotSize);
}
