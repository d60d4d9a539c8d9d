using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// What happens before a reference is stored into a block of a heap that wants to know of stores: checks, the audit, cards, and shading while the heap is
/// marked.
/// </summary>
/// <param name="heap">The heap.</param>
/// <param name="checks">Checks what is stored; null without full checks.</param>
/// <param name="audit">Notes what is stored; null where stores are not audited.</param>
/// <param name="cards">Say where references are stored; null without minor collections.</param>
/// <param name="watchesEscapes">Whether scopes free what has not escaped from them.</param>
/// <param name="shading">Shades what references referred to, while it is on.</param>
/// <param name="weak">The arrays of weak entries that marking has reached.</param>
/// <param name="weakHandles">The weak handles, which may name blocks that are known to be dead.</param>
/// <remarks>Thread safe. Called by the thread that stores.</remarks>
internal sealed unsafe class StoreBarrier(HeapIdentity heap, ScopeChecks? checks, StoreAudit? audit, CardTable? cards, bool watchesEscapes, Shading shading, WeakArrays weak, WeakTable weakHandles) : IOfHeap
{
    // What stores do themselves where they do not call the barrier, and what it does for them where they do.
    private readonly StoreAttention _withoutBarrier = StoreAttention.Of(cards?.Cards ?? 0, watchesEscapes);

    public ulong Serial => heap.Serial;

    /// <summary>
    /// What the code that stores, or reads what is weak, has to do. It changes with <see cref="Shading.IsOn"/> and <see cref="WeakTable.IsJudged"/> alone.
    /// </summary>
    public StoreAttention Attention =>
        WantsStores || weakHandles.IsJudged ? StoreAttention.CallsBarrier : _withoutBarrier;

    /// <summary>Whether each store has to call this, also one that knows no scope. It changes with <see cref="Shading.IsOn"/> alone.</summary>
    public bool WantsStores => checks != null || audit != null || shading.IsOn;

    /// <summary>Does what is to be done before a store within a scope.</summary>
    /// <param name="cache">The cache of the scope's thread.</param>
    /// <param name="number">The scope's number.</param>
    /// <param name="depth">The scope's depth.</param>
    /// <param name="field">Where the reference goes.</param>
    /// <param name="value">The block; 0 for nothing.</param>
    public void Before(TracedCache* cache, ulong number, int depth, ref nint field, nint value)
    {
        checks?.RequireOpen(cache, number, depth);
        checks?.RequireBlock(value);
        Note(ref field, value);
        _withoutBarrier.Note(AddressOf(ref field), value);
    }

    /// <summary>Does the same where no scope is at hand, but for the card and for escapes, which the caller notes after the store.</summary>
    /// <param name="block">The block whose field it is.</param>
    /// <param name="field">Where the reference goes.</param>
    /// <param name="value">The block that is stored; 0 for nothing.</param>
    public void Before(nint block, ref nint field, nint value)
    {
        checks?.RequireUsable(block);
        checks?.RequireBlock(value);
        Note(ref field, value);
    }

    /// <summary>Does what is to be done when a scope gets a block from a weak handle, or by enumerating weak entries: nothing else may reach it.</summary>
    /// <returns>The block; 0 if it is dead.</returns>
    public nint Revive(nint block)
    {
        if (shading.IsOn)
        {
            shading.Shade(block);
        }

        return block != 0 && weakHandles.IsDead(block) ? 0 : block;
    }

    /// <summary>
    /// Does what is to be done when a scope makes an array of weak entries: no marker looks into it while the heap is marked, and dead keys may be copied to it.
    /// </summary>
    public void NoteWeakArray(nint array)
    {
        if (shading.IsOn)
        {
            weak.Add(array);
        }
    }

    // A field in a block does not move. Of a field elsewhere, the address is only compared, or chooses a card, and is never used to access memory.
    private static nint AddressOf(ref nint field) => (nint)Unsafe.AsPointer(ref field);

    private void Note(ref nint field, nint value)
    {
        audit?.Note(AddressOf(ref field), value);
        if (shading.IsOn)
        {
            ShadeBefore(ref field);
            InterleavingPoints.At(InterleavingPoint.BlockShaded);
        }
    }

    // What lies in a field of no block may be anything, and shading it would mark a slot in which no block is.
    private void ShadeBefore(ref nint field)
    {
        nint before = Volatile.Read(ref field);
        nint address = AddressOf(ref field);
        if (before != 0 && ArenaMap.IsInArena(address) && !shading.IsMarked(before) && TracedLookup.TryFindInArena(address, out _, out _))
        {
            shading.Shade(before);
        }
    }
}
