using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Allocators;

/// <summary>What .NET gives: the C library's allocator through <see cref="NativeMemory"/>.</summary>
internal readonly unsafe struct SystemAllocator : IAllocator<SystemAllocator>
{
    public static SystemAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => NativeMemory.Alloc(size);
    public void* AllocZeroed(nuint size) => NativeMemory.AllocZeroed(size);
    public void* AlignedAlloc(nuint size, nuint alignment) => NativeMemory.AlignedAlloc(size, alignment);
    public void* Realloc(void* block, nuint size) => NativeMemory.Realloc(block, size);
    public void Free(void* block) => NativeMemory.Free(block);
    public void AlignedFree(void* block) => NativeMemory.AlignedFree(block);
}
