namespace SpanHeap.Perf.Allocators;

/// <summary><see cref="SpanMemory"/>, the drop-in for NativeMemory.</summary>
internal readonly unsafe struct SpanHeapAllocator : IAllocator<SpanHeapAllocator>
{
    public static long? OwnResidentBytes => NativeHeap.Shared.GetStatistics().ResidentBytes;

    public static SpanHeapAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => SpanMemory.Alloc(size);
    public void* AllocZeroed(nuint size) => SpanMemory.AllocZeroed(size);
    public void* AlignedAlloc(nuint size, nuint alignment) => SpanMemory.AlignedAlloc(size, alignment);
    public void* Realloc(void* block, nuint size) => SpanMemory.Realloc(block, size);
    public void Free(void* block) => SpanMemory.Free(block);
    public void AlignedFree(void* block) => SpanMemory.AlignedFree(block);
}
