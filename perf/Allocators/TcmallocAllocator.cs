using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Allocators;

/// <summary>gperftools' tcmalloc, by the cheapest call there is from C#.</summary>
internal readonly unsafe partial struct TcmallocAllocator : IAllocator<TcmallocAllocator>
{
    public const string Library = "libtcmalloc_minimal.so.4";

    public static TcmallocAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => Native.Alloc(size);
    public void* AllocZeroed(nuint size) => Native.AllocZeroed(1, size);
    public void* AlignedAlloc(nuint size, nuint alignment) => Native.AlignedAlloc(alignment, size);
    public void* Realloc(void* block, nuint size) => Native.Realloc(block, size);
    public void Free(void* block) => Native.Free(block);
    public void AlignedFree(void* block) => Native.Free(block);

    private static partial class Native
    {
        [LibraryImport(Library, EntryPoint = "tc_malloc"), SuppressGCTransition]
        public static partial void* Alloc(nuint size);

        [LibraryImport(Library, EntryPoint = "tc_calloc"), SuppressGCTransition]
        public static partial void* AllocZeroed(nuint count, nuint size);

        [LibraryImport(Library, EntryPoint = "tc_memalign"), SuppressGCTransition]
        public static partial void* AlignedAlloc(nuint alignment, nuint size);

        [LibraryImport(Library, EntryPoint = "tc_realloc"), SuppressGCTransition]
        public static partial void* Realloc(void* block, nuint size);

        [LibraryImport(Library, EntryPoint = "tc_free"), SuppressGCTransition]
        public static partial void Free(void* block);
    }
}
