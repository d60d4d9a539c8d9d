using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// In checked heaps, overwrites blocks that die, so that a later read shows it, and checks that the bytes are still there when the slot is used
/// again, which detects later writes. Free slots of traced spans are always filled.
/// </summary>
/// <remarks>
/// A span goes to <see cref="DeadSpanQuarantine"/> before a slot of it is reused or its pages go. If there is no room for it, writes to large
/// blocks and to spans without live blocks are detected only until their pages go.
/// </remarks>
internal sealed unsafe class DeadBlockPoison(bool enabled)
{
    /// <summary>What dead blocks are filled with.</summary>
    public const byte Fill = 0xdb;

    /// <summary>Fills blocks that have died, before the bitmaps swap. Called by the thread that sweeps the span.</summary>
    /// <exception cref="HeapCorruptionException">A slot is marked but not allocated.</exception>
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

    /// <summary>Fills a span that was just made, if there is one. It belongs to its maker alone.</summary>
    /// <returns>The span.</returns>
    public TracedSpan* ApplyToFresh(TracedSpan* span)
    {
        if (enabled && span != null)
        {
            new Span<byte>((void*)span->Span.Base, (int)(span->Span.SlotSize * (nuint)span->Span.Slots)).Fill(Fill);
        }

        return span;
    }

    /// <summary>
    /// Requires that free slots of a word, which are about to be used, were not written to. Called by the owner of the span; nothing has changed
    /// yet.
    /// </summary>
    /// <exception cref="HeapCorruptionException">A slot was written to. It is filled again, so that this is reported only once.</exception>
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
                    SweepFault.WrittenAfterDeath(TracedSlots.AddressOf(span, word, free), span->SpanClass, written, slot[written]);
                slot.Fill(Fill);
                throw fault;
            }
        }
    }

    /// <summary>Requires that a free slot was not written to, without filling it again.</summary>
    /// <exception cref="HeapCorruptionException">A free slot was written to.</exception>
    public static void Verify(TracedSpan* span, nint slot)
    {
        Span<byte> bytes = new((void*)slot, (int)span->Span.SlotSize);
        int written = bytes.IndexOfAnyExcept(Fill);
        if (written >= 0)
        {
            throw SweepFault.WrittenAfterDeath(slot, span->SpanClass, written, bytes[written]);
        }
    }

    /// <summary>
    /// Fills again the free slots that were written to, in a span that leaves quarantine. Called by the owner of the span, which is swept.
    /// </summary>
    /// <param name="span">The span.</param>
    /// <param name="writtenTo">Called with each of those slots.</param>
    public static void Restore(TracedSpan* span, Action<nint> writtenTo)
    {
        int words = span->Span.Slots == 1 ? 1 : TracedSlots.Words(span);
        for (int word = 0; word < words; word++)
        {
            // In a swept span, one bitmap says what is allocated, and the other is empty.
            ulong allocated = *TracedSlots.Word(span, word, 0) | *TracedSlots.Word(span, word, 1);
            for (ulong free = TracedSlots.Starts(span, word) & ~allocated; free != 0; free &= free - 1)
            {
                Span<byte> slot = SlotOf(span, word, free);
                if (slot.IndexOfAnyExcept(Fill) >= 0)
                {
                    slot.Fill(Fill);
                    writtenTo(TracedSlots.AddressOf(span, word, free));
                }
            }
        }
    }

    private static Span<byte> SlotOf(TracedSpan* span, int word, ulong bits) =>
        new((void*)TracedSlots.AddressOf(span, word, bits), (int)span->Span.SlotSize);
}
