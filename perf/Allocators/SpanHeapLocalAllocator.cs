namespace SpanHeap.Perf.Allocators;

/// <summary>The shared heap through the handle that saves the search for the thread's cache.</summary>
internal readonly unsafe ref struct SpanHeapLocalAllocator : IAllocator<SpanHeapLocalAllocator>
{
    private readonly LocalHeap _heap;

    private SpanHeapLocalAllocator(LocalHeap heap) => _heap = heap;

    public static long? OwnResidentBytes => SpanHeapAllocator.OwnResidentBytes;

    public static SpanHeapLocalAllocator ForThisThread() => new(NativeHeap.Shared.GetLocal());

    public void* Alloc(nuint size) => _heap.Alloc(size);
    public void* AllocZeroed(nuint size) => _heap.AllocZeroed(size);
    public void* AlignedAlloc(nuint size, nuint alignment) => _heap.AlignedAlloc(size, alignment);
    public void* Realloc(void* block, nuint size) => _heap.Realloc(block, size);
    public void Free(void* block) => _heap.Free(block);
    public void AlignedFree(void* block) => _heap.Free(block);
}
