namespace SpanHeap.Buffers;

/// <summary>Specifies what happens to the block of a <see cref="NativeOwner{T}"/> that becomes unreachable without having been disposed.</summary>
public enum WhenDropped
{
    /// <summary>
    /// The block stays allocated until its heap is disposed, as with any pointer. This costs nothing, and no span into the block ever becomes invalid.
    /// </summary>
    Keep,

    /// <summary>
    /// The garbage collector frees the block some time after its owner has become unreachable. This is for libraries whose users never dispose buffers.
    /// </summary>
    /// <remarks>
    /// A <see cref="Span{T}"/> does not keep an owner alive: the block of an owner whose last use is behind the program may be freed, and reused, while a
    /// span into it is still being read. Whoever holds a span has to hold the owner or its <see cref="Memory{T}"/> as well, for example by
    /// <see cref="GC.KeepAlive"/>; a pinned owner stays alive while its <see cref="System.Buffers.MemoryHandle"/> does. A heap with guarded blocks
    /// (<see cref="GuardMode.All"/>) reports such a read with the stacks that rented and freed the block. Each owner has a further managed object with a
    /// finalizer, which makes it several times as expensive.
    /// </remarks>
    Free,
}
