using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Allocators;

/// <summary>mimalloc 2, by the cheapest call there is from C#.</summary>
internal readonly unsafe partial struct MimallocAllocator : IAllocator<MimallocAllocator>
{
    public const string Library = "libmimalloc.so.2";

    public static MimallocAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => Native.Alloc(size);
    public void* AllocZeroed(nuint size) => Native.AllocZeroed(1, size);
    public void* AlignedAlloc(nuint size, nuint alignment) => Native.AlignedAlloc(size, alignment);
    public void* Realloc(void* block, nuint size) => Native.Realloc(block, size);
    public void Free(void* block) => Native.Free(block);
    public void AlignedFree(void* block) => Native.Free(block);

    private static partial class Native
    {
        [LibraryImport(Library, EntryPoint = "mi_malloc"), SuppressGCTransition]
        public static partial void* Alloc(nuint size);

        [LibraryImport(Library, EntryPoint = "mi_calloc"), SuppressGCTransition]
        public static partial void* AllocZeroed(nuint count, nuint size);

        [LibraryImport(Library, EntryPoint = "mi_malloc_aligned"), SuppressGCTransition]
        public static partial void* AlignedAlloc(nuint size, nuint alignment);

        [LibraryImport(Library, EntryPoint = "mi_realloc"), SuppressGCTransition]
        public static partial void* Realloc(void* block, nuint size);

        [LibraryImport(Library, EntryPoint = "mi_free"), SuppressGCTransition]
        public static partial void Free(void* block);
    }
}
