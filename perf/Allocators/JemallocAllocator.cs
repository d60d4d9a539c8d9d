using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Allocators;

/// <summary>jemalloc 5, by the cheapest call there is from C#. The library exports the plain names.</summary>
internal readonly unsafe partial struct JemallocAllocator : IAllocator<JemallocAllocator>
{
    public const string Library = "libjemalloc.so.2";

    public static JemallocAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => Native.Alloc(size);
    public void* AllocZeroed(nuint size) => Native.AllocZeroed(1, size);
    public void* AlignedAlloc(nuint size, nuint alignment) => Native.AlignedAlloc(alignment, size);
    public void* Realloc(void* block, nuint size) => Native.Realloc(block, size);
    public void Free(void* block) => Native.Free(block);
    public void AlignedFree(void* block) => Native.Free(block);

    private static partial class Native
    {
        [LibraryImport(Library, EntryPoint = "malloc"), SuppressGCTransition]
        public static partial void* Alloc(nuint size);

        [LibraryImport(Library, EntryPoint = "calloc"), SuppressGCTransition]
        public static partial void* AllocZeroed(nuint count, nuint size);

        [LibraryImport(Library, EntryPoint = "memalign"), SuppressGCTransition]
        public static partial void* AlignedAlloc(nuint alignment, nuint size);

        [LibraryImport(Library, EntryPoint = "realloc"), SuppressGCTransition]
        public static partial void* Realloc(void* block, nuint size);

        [LibraryImport(Library, EntryPoint = "free"), SuppressGCTransition]
        public static partial void Free(void* block);
    }
}
