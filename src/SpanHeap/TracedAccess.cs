using System.ComponentModel;
using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Reads and writes fields of traced blocks without a scope at hand: for generated properties.</summary>
/// <remarks>
/// The calling thread is in a scope all the same. Where any heap of the process has full checks, the heap is found by the block's
/// address and asked; else nothing is checked but that the block is one.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class TracedAccess
{
    /// <summary>A block, whose fields are about to be read or written.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="block">The block.</param>
    /// <exception cref="NullReferenceException">It is none.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the calling thread is in no scope of the block's heap.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: it is no live block.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Open<T>(GcRef<T> block)
        where T : unmanaged
    {
        if (CheckedHeaps.Any)
        {
            CheckedHeaps.RequireUsable(block.Address);
        }

        return ref block.Target;
    }

    /// <summary>What a field refers to.</summary>
    /// <typeparam name="T">What that is.</typeparam>
    /// <param name="field">A field of a block that <see cref="Open{T}"/> gave.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GcRef<T> Read<T>(scoped ref readonly Gc<T> field)
        where T : unmanaged => new(Volatile.Read(in field.Address));

    /// <summary>Makes a field of a block refer to another block, or to nothing.</summary>
    /// <typeparam name="TBlock">What the block is.</typeparam>
    /// <typeparam name="T">What the field refers to.</typeparam>
    /// <param name="block">The block.</param>
    /// <param name="field">A field of it.</param>
    /// <param name="value">A block of the same heap, or nothing.</param>
    /// <exception cref="NullReferenceException"><paramref name="block"/> is none.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the calling thread is in no scope of the block's heap.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="block"/> is no live block, or <paramref name="value"/> none of its heap. Nothing has changed.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write<TBlock, T>(GcRef<TBlock> block, scoped ref Gc<T> field, GcRef<T> value)
        where TBlock : unmanaged
        where T : unmanaged
    {
        if (CheckedHeaps.Any)
        {
            CheckedHeaps.RequireStorable(block.Address, value.Address);
        }

        Volatile.Write(ref field.Address, value.Address);
    }
}
