namespace SpanHeap.Perf.Allocators;

/// <summary>
/// An allocator as the state a thread needs to call it. Loops are generic over it, so the JIT makes a loop
/// of its own for each, with the calls inlined as they would be in a user's code.
/// </summary>
internal unsafe interface IAllocator<TSelf> where TSelf : struct, IAllocator<TSelf>, allows ref struct
{
    /// <summary>Whether blocks can be written to; false for the empty run only.</summary>
    static virtual bool HandsOutMemory => true;

    /// <summary>What the allocator itself says it keeps resident; null where it does not say.</summary>
    static virtual long? OwnResidentBytes => null;

    /// <summary>The state for the calling thread, taken once before a loop.</summary>
    static abstract TSelf ForThisThread();

    void* Alloc(nuint size);
    void* AllocZeroed(nuint size);
    void* AlignedAlloc(nuint size, nuint alignment);
    void* Realloc(void* block, nuint size);
    void Free(void* block);
    void AlignedFree(void* block);
}
