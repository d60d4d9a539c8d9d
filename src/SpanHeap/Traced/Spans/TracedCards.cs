using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// The cards of traced memory: a byte for every KiB, which is not 0 if a reference was stored there since the heap was last marked. A minor collection
/// looks for references to young blocks only there. (The card table of Wilson and Moher.)
/// </summary>
/// <remarks>
/// Threads that store references set cards, by plain stores and in any order with the reference: cards are read and cleared only while the gate is
/// closed, and closing it makes all stores visible. The card of a page outside of traced spans has no meaning and may have any value.
/// </remarks>
internal static unsafe class TracedCards
{
    /// <summary>The bytes that a card stands for, which are those of one word of a bitmap.</summary>
    public const int BytesPerCard = TracedBits.BytesPerWord;

    /// <summary>The cards of a page.</summary>
    public const int PerPage = PageGeometry.PageSize / BytesPerCard;

    private const int Shift = TracedBits.WordShift;

    /// <summary>Whether any heap of the process has had minor collections, so that stores without a scope set cards. Never false again.</summary>
    public static bool AreUsed { get; private set; }

    private static nint Offset
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ArenaHeader.TracedBitmaps + ((nint)TracedBits.Count * TracedBits.BitmapBytes) + (PageGeometry.ArenaSize >> PageGeometry.PageShift);
    }

    /// <summary>Makes stores without a scope set cards from now on.</summary>
    public static void Use() => AreUsed = true;

    /// <summary>Gets the card of an address in an arena of a traced heap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Of(nint address) =>
        (byte*)(ArenaHeader.ArenaOf(address) + Offset + ((address & (PageGeometry.ArenaSize - 1)) >> Shift));

    /// <summary>Gets the cards of the page that begins at an address, as one number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* OfPage(nint page) => (ulong*)Of(page);

    /// <summary>Notes that a reference is stored in a block of a traced heap.</summary>
    /// <param name="field">The address of the reference.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Note(nint field) => *Of(field) = 1;
}
