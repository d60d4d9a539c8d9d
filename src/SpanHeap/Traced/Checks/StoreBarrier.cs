using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>What happens before a reference is stored into a block of a heap that wants to know of stores: checks, the audit, and cards.</summary>
/// <param name="heap">The heap.</param>
/// <param name="checks">Checks what is stored; null without full checks.</param>
/// <param name="audit">Notes what is stored; null where stores are not audited.</param>
/// <param name="cards">Say where references are stored; null without minor collections.</param>
/// <remarks>Thread safe. Called by the thread that stores.</remarks>
internal sealed unsafe class StoreBarrier(HeapIdentity heap, ScopeChecks? checks, StoreAudit? audit, CardTable? cards) : IOfHeap
{
    public ulong Serial => heap.Serial;

    /// <summary>What the code that stores has to do. Constant.</summary>
    public StoreAttention Attention =>
        checks != null || audit != null ? StoreAttention.CallsBarrier : cards != null ? StoreAttention.SetsCards(cards.Cards) : StoreAttention.None;

    /// <summary>Does what is to be done before a store within a scope.</summary>
    /// <param name="cache">The cache of the scope's thread.</param>
    /// <param name="number">The scope's number.</param>
    /// <param name="depth">The scope's depth.</param>
    /// <param name="field">Where the reference goes.</param>
    /// <param name="value">The block; 0 for nothing.</param>
    public void Before(TracedCache* cache, ulong number, int depth, nint field, nint value)
    {
        checks?.RequireOpen(cache, number, depth);
        checks?.RequireBlock(value);
        Note(field, value);
    }

    /// <summary>Does the same where no scope is at hand.</summary>
    /// <param name="block">The block whose field it is.</param>
    /// <param name="field">Where the reference goes.</param>
    /// <param name="value">The block that is stored; 0 for nothing.</param>
    public void Before(nint block, nint field, nint value)
    {
        checks?.RequireUsable(block);
        checks?.RequireBlock(value);
        Note(field, value);
    }

    private void Note(nint field, nint value)
    {
        audit?.Note(field, value);
        if (cards != null)
        {
            CardTable.Note(cards.Cards, field);
        }
    }
}
