using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// What a store of a reference has to do besides storing it: nothing, set a card, or call the heap's <see cref="StoreBarrier"/>, which sets the card, too.
/// One word says which, because each store asks.
/// </summary>
internal readonly struct StoreAttention
{
    private const nint Barrier = 1;

    private readonly nint _value;

    private StoreAttention(nint value) => _value = value;

    /// <summary>Stores have nothing else to do.</summary>
    public static StoreAttention None => default;

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

    /// <summary>The address of the first card, if stores set cards themselves.</summary>
    public nint Cards
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _value;
    }

    /// <summary>Stores set cards.</summary>
    /// <param name="cards">The address of the first card.</param>
    public static StoreAttention SetsCards(nint cards) => new(cards);
}
