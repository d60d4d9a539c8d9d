using System.Runtime.CompilerServices;
using SpanHeap.Contract;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// The cards of a heap: a byte for each page, which is not 0 if a reference was stored there since the heap was last marked. A minor collection looks for
/// references to young blocks only there. (The card marking of Wilson and Moher.)
/// </summary>
/// <remarks>
/// <para>
/// A page is one of 8 KiB, wherever it is in the address space; the low bits of its number choose the card. So a store takes a few instructions, any
/// address may be noted, even of the thread's stack, and pages that lie 4 GiB apart share a card: one is looked at in vain when the other has changed. An
/// arena is a power of two and begins at a multiple of it, so the cards of its pages lie side by side.
/// </para>
/// <para>
/// Threads that store references set cards, by plain stores and in any order with the reference: cards are read and cleared only while the gate is closed,
/// and closing it makes all stores visible. A card that is set already is not written again, because the threads of other processors have its cache line.
/// </para>
/// </remarks>
internal sealed unsafe class CardTable
{
    /// <summary>The number of cards.</summary>
    public const int Count = 1 << 19;

    private readonly byte* _cards;

    /// <summary>Whether any heap of the process has had cards, so that stores that know no heap look for them. Never false again.</summary>
    public static bool AreUsed { get; private set; }

    /// <exception cref="OutOfMemoryException">There is no memory for the cards.</exception>
    public CardTable(MetadataAllocator metadata)
    {
        _cards = (byte*)metadata.Allocate(Count);
        if (_cards == null)
        {
            ThrowHelper.OutOfMemory("The system has no memory for the cards of a heap with minor collections.");
        }

        AreUsed = true;
    }

    /// <summary>The address of the first card. They are freed with the heap.</summary>
    public nint Cards => (nint)_cards;

    /// <summary>Notes that a reference is stored at an address.</summary>
    /// <param name="cards">The address of the first card.</param>
    /// <param name="field">The address of the reference.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Note(nint cards, nint field)
    {
        byte* card = (byte*)cards + NumberOf(field);
        if (*card == 0)
        {
            *card = 1;
        }
    }

    /// <summary>Gets the cards of an arena's pages, the first page's first.</summary>
    public Span<byte> OfArena(nint arena) => new(_cards + NumberOf(arena), (int)(PageGeometry.ArenaSize >> PageGeometry.PageShift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint NumberOf(nint address) => ((nuint)address >> PageGeometry.PageShift) & (Count - 1);
}
