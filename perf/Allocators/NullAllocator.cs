namespace SpanHeap.Perf.Allocators;

/// <summary>Allocates nothing. An empty run with it touches and compiles everything that is not the allocator's.</summary>
internal readonly unsafe struct NullAllocator : IAllocator<NullAllocator>
{
    public static bool HandsOutMemory => false;

    public static NullAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => null;
    public void* AllocZeroed(nuint size) => null;
    public void* AlignedAlloc(nuint size, nuint alignment) => null;
    public void* Realloc(void* block, nuint size) => null;
    public void Free(void* block) { }
    public void AlignedFree(void* block) { }
}
