using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>The free slots of one span, taken so that the memory under them can be given back.</summary>
internal unsafe ref struct TakenSlots
{
    // Enough for the most slots of a shared span: 64 KiB of 8-byte blocks.
    private const int MaxWords = 128;

    /// <summary>The span; null when no slots are taken.</summary>
    public Span* Span;

    /// <summary>A bit for each system page of the span whose memory has been given back, earlier or now.</summary>
    public uint GivenBack;

    private fixed ulong _words[MaxWords];

    /// <summary>Gets the bits of the slots. Sound because a ref struct is on the stack, where nothing moves.</summary>
    public static ulong* Words(ref TakenSlots taken) => (ulong*)Unsafe.AsPointer(ref taken._words[0]);

    /// <summary>
    /// Gives back all system pages that lie wholly under the slots and have not been given back before. Call without a lock, because the slots belong
    /// to the caller.
    /// </summary>
    public void Discard(DiscardBackoff discards)
    {
        LockOrder.AssertNoneHeld();
        uint pages = WholePages() & ~GivenBack;
        nint firstPage = Span->Base & -(nint)OsMemory.PageSize;
        while (pages != 0)
        {
            int start = BitOperations.TrailingZeroCount(pages);
            int count = BitOperations.TrailingZeroCount(~(pages >> start));
            uint run = (uint)(((1UL << count) - 1) << start);
            if (discards.TryDiscard(firstPage + (start * (nint)OsMemory.PageSize), (nuint)count * OsMemory.PageSize))
            {
                GivenBack |= run;
            }

            pages &= ~run;
        }
    }

    private readonly uint WholePages()
    {
        nuint page = OsMemory.PageSize;
        nuint firstPage = (nuint)Span->Base & ~(page - 1);
        uint pages = 0;
        int slot = 0;
        while (slot < Span->Slots)
        {
            int end = slot;
            while (end < Span->Slots && IsTaken(end))
            {
                end++;
            }

            nuint first = ((nuint)Span->Base + ((nuint)slot * Span->SlotSize) + page - 1) & ~(page - 1);
            nuint last = ((nuint)Span->Base + ((nuint)end * Span->SlotSize)) & ~(page - 1);
            if (last > first)
            {
                pages |= (uint)(((1UL << (int)((last - first) / page)) - 1) << (int)((first - firstPage) / page));
            }

            slot = end + 1;
        }

        return pages;
    }

    private readonly bool IsTaken(int slot) => (_words[slot >> 6] >> slot & 1) != 0;
}
