using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Spans;

/// <summary>
/// Alloc bits: a set bit means that the slot is not available for a refill (it is allocated, or parked in a stack, magazine or inbox).
/// </summary>
/// <remarks>
/// Guarded by the lock of the span's owner. Bits after the last slot are set, so that no caller needs to mask them. The bits of
/// one span share no byte with those of another.
/// </remarks>
internal static unsafe class AllocBits
{
    private const int SlotsPerWord = 64;

    public static int WordsFor(int slots) => (slots + SlotsPerWord - 1) / SlotsPerWord;

    /// <summary>Makes all slots of a fresh span available.</summary>
    public static void Initialize(ulong* bits, int slots)
    {
        int words = WordsFor(slots);
        for (int word = 0; word < words; word++)
        {
            bits[word] = 0;
        }

        int tail = slots % SlotsPerWord;
        if (tail != 0)
        {
            bits[words - 1] = ulong.MaxValue << tail;
        }
    }

    /// <summary>
    /// Takes the lowest <paramref name="count"/> available slots of a span, which has as many, and writes their addresses downwards
    /// from <paramref name="end"/>: popped upwards again, they come in address order.
    /// </summary>
    public static void Take(Span* span, int count, nint* end)
    {
        Invariant.Assert(count > 0 && count <= span->FreeSlots && span->FreeSlots == CountAvailable(span), "The span has as many available slots as it counts, and enough.");
        ulong* bits = ArenaHeader.AllocBits(span);
        nint size = (nint)span->SlotSize;
        int word = 0;
        span->FreeSlots -= count;
        span->GivenBack = 0;
        span->ScavengedSlots = span->SeenSlots = 0;
        while (true)
        {
            ulong available = ~bits[word];
            nint first = span->Base + (word * SlotsPerWord * size);
            if (available == ulong.MaxValue && count >= SlotsPerWord)
            {
                for (int slot = 0; slot < SlotsPerWord; slot++)
                {
                    *--end = first;
                    first += size;
                }

                count -= SlotsPerWord;
                available = 0;
            }

            while (available != 0 && count > 0)
            {
                *--end = first + (BitOperations.TrailingZeroCount(available) * size);
                available &= available - 1;
                count--;
            }

            bits[word] = ~available;
            if (count == 0)
            {
                return;
            }

            word++;
        }
    }

    /// <summary>
    /// Takes all available slots of a span and returns which they were, so that their memory can be discarded while the span continues as a full
    /// one.
    /// </summary>
    /// <param name="span">The span.</param>
    /// <param name="taken">A word for each word of its bits; a set bit for a slot taken.</param>
    public static void TakeAll(Span* span, ulong* taken)
    {
        Invariant.Assert(span->FreeSlots == CountAvailable(span), "A span counts its available slots.");
        ulong* bits = ArenaHeader.AllocBits(span);
        for (int word = 0; word < WordsFor(span->Slots); word++)
        {
            taken[word] = ~bits[word];
            bits[word] = ulong.MaxValue;
        }

        span->FreeSlots = 0;
    }

    /// <summary>Makes slots available again that <see cref="TakeAll"/> took, and the caller then updates the lists and counts that depend on it.</summary>
    public static int GiveBack(Span* span, ulong* taken)
    {
        ulong* bits = ArenaHeader.AllocBits(span);
        int count = 0;
        for (int word = 0; word < WordsFor(span->Slots); word++)
        {
            Invariant.Assert((taken[word] & ~bits[word]) == 0, "No thread has made a slot available meanwhile that was taken.");
            bits[word] &= ~taken[word];
            count += BitOperations.PopCount(taken[word]);
        }

        span->FreeSlots += count;
        Invariant.Assert(span->FreeSlots <= span->Slots, "A span has no more free slots than slots.");
        return count;
    }

    public static bool IsSet(ulong* bits, int slot) => (bits[slot / SlotsPerWord] >> slot & 1) != 0;

    /// <summary>Counts the available slots of a span from its bits.</summary>
    public static int CountAvailable(Span* span)
    {
        ulong* bits = ArenaHeader.AllocBits(span);
        int sum = 0;
        for (int word = 0; word < WordsFor(span->Slots); word++)
        {
            sum += BitOperations.PopCount(~bits[word]);
        }

        return sum;
    }
}
