using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SpanHeap.Tracing;

/// <summary>What a handle is made of, strong or weak: a slot of its heap's table, and the number that the slot has as long as it is the handle's.</summary>
/// <remarks>Thread safe, also where one thread disposes what another uses. A default value was never made, and is as good as disposed.</remarks>
internal readonly unsafe struct HandleName : IEquatable<HandleName>
{
    private readonly TracedHeap _heap;
    private readonly HandleSlot* _slot;
    private readonly ulong _number;

    /// <summary>Takes a slot. In a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    public HandleName(TracedHeap heap, HandleTable table, nint block)
    {
        _heap = heap;
        _slot = table.TryTake(block);
        if (_slot == null)
        {
            ThrowHelper.OutOfMemory(heap.Name, (nuint)sizeof(HandleSlot), heap.Core.Options.MemoryLimit);
        }

        // The slot is this handle's: nobody else can free it.
        _number = _slot->Number;
    }

    /// <summary>The heap; null of a handle that was never made.</summary>
    public TracedHeap? Heap => _heap;

    /// <summary>The block that the slot names; 0 for none.</summary>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, or never made, or is of another heap; with full checks also: the scope has ended, or is another thread's.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Read(scoped in GcScope scope)
    {
        scope.RequireOpen();
        RequireHeapOf(scope);

        // The block first: if it is that of a later handle, the number read after it is that of a later handle, too.
        nint block = Volatile.Read(ref _slot->Block);
        if (Volatile.Read(ref _slot->Number) != _number)
        {
            ThrowDisposed();
        }

        return block;
    }

    /// <summary>Makes the slot name another block, or none.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    /// <exception cref="HeapCorruptionException">With full checks: it is no block of the heap. Nothing has changed.</exception>
    public void Write(scoped in GcScope scope, HandleTable table, nint block)
    {
        scope.RequireReference(block);
        RequireHeapOf(scope);
        if (!table.TrySet(_slot, _number, block))
        {
            ThrowDisposed();
        }
    }

    /// <summary>Whether the slot names a block now. In a scope or out, also after the heap.</summary>
    public bool IsNaming(HandleTable table) => table.IsNaming(_slot, _number);

    /// <summary>Frees the slot, if that has not been done. In a scope or out, also after the heap.</summary>
    public void Free(HandleTable table) => table.TryFree(_slot, _number);

    public bool Equals(HandleName other) => _slot == other._slot && _number == other._number;

    public override bool Equals(object? obj) => obj is HandleName other && Equals(other);

    public override int GetHashCode() => HashCode.Combine((nint)_slot, _number);

    // A handle that was never made has no heap, and so none that a scope has.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RequireHeapOf(scoped in GcScope scope)
    {
        if (_heap != scope.Heap)
        {
            ThrowOtherHeap(scope.Heap);
        }
    }

    [DoesNotReturn]
    private void ThrowOtherHeap(TracedHeap scope)
    {
        if (_heap == null)
        {
            ThrowDisposed();
        }

        ThrowHelper.OtherHeap("handle", _heap.Name, scope.Name);
    }

    [DoesNotReturn]
    private static void ThrowDisposed() => throw new InvalidOperationException("The handle was disposed, or never made by a scope.");
}
