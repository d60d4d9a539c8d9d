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
/// address may be noted, even of the thread's stack, and pages that lie 4 GiB apart share a card: one is looked at in vain when the other has changed.
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

    // How many cards are looked at together when they are cleared, so that memory that no store has touched stays untouched.
    private const int Piece = 4096;

    private readonly byte* _cards;

    /// <exception cref="OutOfMemoryException">There is no memory for the cards.</exception>
    public CardTable(MetadataAllocator metadata)
    {
        _cards = (byte*)metadata.Allocate(Count);
        if (_cards == null)
        {
            ThrowHelper.OutOfMemory("The system has no memory for the cards of a heap with minor collections.");
        }
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

    /// <summary>Whether a reference may have been stored in the page that begins at an address.</summary>
    public bool IsSet(nint page) => _cards[NumberOf(page)] != 0;

    /// <summary>Clears all cards.</summary>
    public void Clear()
    {
        for (int from = 0; from < Count; from += Piece)
        {
            Span<byte> piece = new(_cards + from, Piece);
            if (piece.ContainsAnyExcept((byte)0))
            {
                piece.Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint NumberOf(nint address) => ((nuint)address >> PageGeometry.PageShift) & (Count - 1);
}
