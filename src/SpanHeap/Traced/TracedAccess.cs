using System.ComponentModel;
using System.Runtime.CompilerServices;
using SpanHeap.Spans;
using SpanHeap.Traced.Checks;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced;

/// <summary>Reads and writes fields of traced blocks without being given a scope: for generated properties.</summary>
/// <remarks>
/// The calling thread is in a scope all the same. If any heap of the process has full checks, the heap is found by the block's address and checks
/// the access; otherwise only references to nothing are refused. A heap whose stores are audited is found in the same way.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class TracedAccess
{
    /// <summary>Gets a block whose fields are about to be read or written.</summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <param name="block">The block.</param>
    /// <exception cref="NullReferenceException"><paramref name="block"/> refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the calling thread is in no scope of the block's heap.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: it is not a live block.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Open<T>(TracedRef<T> block)
        where T : unmanaged
    {
        if (CheckedHeaps.Any)
        {
            CheckedHeaps.RequireUsable(block.Address);
        }

        return ref block.Target;
    }

    /// <summary>Gets what a field refers to.</summary>
    /// <typeparam name="T">The type of the block.</typeparam>
    /// <param name="field">A field of a block that <see cref="Open{T}"/> gave.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TracedRef<T> Read<T>(scoped ref readonly Traced<T> field)
        where T : unmanaged => new(Volatile.Read(in field.Address));

    /// <summary>Makes a field of a block refer to another block, or to nothing.</summary>
    /// <typeparam name="TBlock">The type of the block.</typeparam>
    /// <typeparam name="T">The type of the block that the field refers to.</typeparam>
    /// <param name="block">The block.</param>
    /// <param name="field">A field of the block.</param>
    /// <param name="value">A block of the same heap, or nothing.</param>
    /// <exception cref="NullReferenceException"><paramref name="block"/> refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the calling thread is in no scope of the block's heap.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="block"/> is not a live block, or <paramref name="value"/> is not a block of the same heap. Nothing has
    /// changed.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write<TBlock, T>(TracedRef<TBlock> block, scoped ref Traced<T> field, TracedRef<T> value)
        where TBlock : unmanaged
        where T : unmanaged
    {
        if (AttentiveHeaps.Any)
        {
            AttentiveHeaps.BeforeStore(block.Address, ref field.Address, value.Address);
        }

        Volatile.Write(ref field.Address, value.Address);

        // After the store, which throws if there is no block. A field in a block does not move; of one elsewhere, the address only chooses a card, or shows that
        // it is elsewhere.
        if (EscapeWatch.IsUsed)
        {
            StoreAttention.NoteEscape((nint)Unsafe.AsPointer(ref field), value.Address);
        }

        if (CardTable.AreUsed && ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block.Address))->Cards is var cards and not 0)
        {
            CardTable.Note(cards, (nint)Unsafe.AsPointer(ref field));
        }
    }
}
