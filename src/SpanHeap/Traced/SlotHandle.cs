using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Contract;
using SpanHeap.Traced.Roots;

namespace SpanHeap.Traced;

/// <summary>
/// What a strong or weak handle consists of: a slot of its heap's table, and the number that the slot has while it belongs to the handle.
/// </summary>
/// <remarks>Thread safe, even if one thread disposes what another uses. A default value was never made, and counts as disposed.</remarks>
internal readonly unsafe struct SlotHandle : IEquatable<SlotHandle>
{
    private readonly TracedParts _heap;
    private readonly HandleSlot* _slot;
    private readonly ulong _number;

    /// <summary>Takes a slot. The caller is in a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    public SlotHandle(TracedParts heap, HandleTable table, nint block)
    {
        _heap = heap;
        _slot = table.TryTake(block);
        if (_slot == null)
        {
            ThrowHelper.OutOfMemory(heap.Heap.Name, (nuint)sizeof(HandleSlot), heap.Heap.MemoryLimit);
        }

        // The slot belongs to this handle: nothing else can free it.
        _number = _slot->Number;
    }

    /// <summary>The heap; null for a handle that was never made.</summary>
    public TracedParts? Heap => _heap;

    /// <summary>The block that the slot names; 0 for none.</summary>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, was never made, or belongs to another heap; with full checks also: the scope has ended or belongs to another thread.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Read(scoped in TracedScope scope)
    {
        scope.RequireOpen();
        RequireHeapOf(scope);

        // The block is read first: if it belongs to a later handle, so does the number, which is read after it.
        nint block = Volatile.Read(ref _slot->Block);
        if (Volatile.Read(ref _slot->Number) != _number)
        {
            ThrowDisposed();
        }

        return block;
    }

    /// <summary>Makes the slot name another block, or none.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    /// <exception cref="HeapCorruptionException">With full checks: the address is not that of a block of the heap. Nothing has changed.</exception>
    public void Write(scoped in TracedScope scope, HandleTable table, nint block)
    {
        scope.RequireReference(block);
        RequireHeapOf(scope);
        scope.Heap.BeforeNaming(block);
        if (!table.TrySet(_slot, _number, block))
        {
            ThrowDisposed();
        }
    }

    /// <summary>Whether the slot names a block now. May be called in or out of scopes, and after the heap was disposed.</summary>
    public bool IsNaming(HandleTable table) => table.IsNaming(_slot, _number);

    /// <summary>Frees the slot, unless it was freed before. May be called in or out of scopes, and after the heap was disposed.</summary>
    public void Free(HandleTable table) => table.TryFree(_slot, _number);

    public bool Equals(SlotHandle other) => _slot == other._slot && _number == other._number;

    public override bool Equals(object? obj) => obj is SlotHandle other && Equals(other);

    public override int GetHashCode() => HashCode.Combine((nint)_slot, _number);

    // A handle that was never made has no heap, and so never that of the scope.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RequireHeapOf(scoped in TracedScope scope)
    {
        if (_heap != scope.Heap)
        {
            ThrowOtherHeap(scope.Heap);
        }
    }

    [DoesNotReturn]
    private void ThrowOtherHeap(TracedParts scope)
    {
        if (_heap == null)
        {
            ThrowDisposed();
        }

        ThrowHelper.OtherHeap("handle", _heap.Heap.Name, scope.Heap.Name);
    }

    [DoesNotReturn]
    private static void ThrowDisposed() => throw new InvalidOperationException("The handle was disposed, or was never made by a scope.");
}
