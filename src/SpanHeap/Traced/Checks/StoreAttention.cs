using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// What a store of a reference has to do besides storing it: nothing, set a card, look whether a block escapes, or call the heap's
/// <see cref="StoreBarrier"/>, which does all that. One word says which, because each store asks.
/// </summary>
internal readonly struct StoreAttention
{
    private const nint Barrier = 1;
    private const nint Escapes = 2;
    private const nint Flags = Barrier | Escapes;

    private readonly nint _value;

    private StoreAttention(nint value) => _value = value;

    /// <summary>Stores call the barrier.</summary>
    public static StoreAttention CallsBarrier => new(Barrier);

    public bool IsNone
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _value == 0;
    }

    public bool IsBarrier
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _value == Barrier;
    }

    /// <summary>Whether stores look for blocks that escape, and do nothing else.</summary>
    public bool IsEscapesAlone
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _value == Escapes;
    }

    /// <summary>Stores do not call the barrier.</summary>
    /// <param name="cards">The address of the first card; 0 if there are none.</param>
    /// <param name="watchesEscapes">Whether stores look for blocks that escape.</param>
    public static StoreAttention Of(nint cards, bool watchesEscapes)
    {
        Invariant.Assert((cards & Flags) == 0, "Cards begin at a multiple of what flags need.");
        return new(cards | (watchesEscapes ? Escapes : 0));
    }

    /// <summary>Does what is to be done if the barrier is not called.</summary>
    /// <param name="field">The address of the reference.</param>
    /// <param name="value">The block; 0 for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Note(nint field, nint value)
    {
        if ((_value & Escapes) != 0)
        {
            NoteEscape(field, value);
        }

        if ((_value & ~Flags) is var cards and not 0)
        {
            CardTable.Note(cards, field);
        }
    }

    /// <summary>Looks whether a block escapes by a store. What lies on one page is in one nursery or in none, which needs no look.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NoteEscape(nint field, nint value)
    {
        if ((nuint)(field ^ value) >= PageGeometry.PageSize && value != 0)
        {
            EscapeWatch.NoteStore(field, value);
        }
    }
}
