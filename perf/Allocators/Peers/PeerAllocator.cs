namespace SpanHeap.Perf.Allocators.Peers;

/// <summary>The allocator of a shared library, by the cheapest call there is from C#.</summary>
/// <remarks>
/// A process measures one allocator, so there is one library in it. The functions are found at the first call, as the runtime binds an
/// imported function, and are constants to what is compiled at tier 1. The peers that every table has are imported by types of their own: warm
/// they take the same time, and in a fresh process without code compiled ahead they are half a millisecond sooner.
/// </remarks>
internal readonly unsafe struct PeerAllocator : IAllocator<PeerAllocator>
{
    private static string? s_library;

    /// <summary>Chooses the library, before the first call. Does not load it.</summary>
    public static void Choose(string library)
    {
        s_library = library;
        PeerExports.Rehearse();
    }

    public static PeerAllocator ForThisThread() => default;

    public void* Alloc(nuint size) => Functions.Malloc(size);
    public void* AllocZeroed(nuint size) => Functions.Calloc(1, size);
    public void* Realloc(void* block, nuint size) => Functions.Realloc(block, size);
    public void Free(void* block) => Functions.Free(block);
    public void AlignedFree(void* block) => Functions.Free(block);

    public void* AlignedAlloc(nuint size, nuint alignment)
    {
        if (Functions.Memalign != null)
        {
            return Functions.Memalign(alignment, size);
        }

        if (Functions.PosixMemalign != null)
        {
            void* block;
            return Functions.PosixMemalign(&block, alignment, size) == 0 ? block : null;
        }

        // C asks for a multiple of the alignment, and some refuse any other size.
        return Functions.AlignedAlloc(alignment, (size + alignment - 1) & ~(alignment - 1));
    }

    /// <summary>What the library itself says of the size of a block; null where it does not say.</summary>
    public static nuint? UsableSize(void* block) => Functions.UsableSize != null ? Functions.UsableSize(block) : null;

    private static class Functions
    {
        private static readonly PeerExports s_exports = PeerExports.Find(s_library ?? throw new InvalidOperationException("No library was chosen."));

        public static readonly delegate* unmanaged[SuppressGCTransition]<nuint, void*> Malloc =
            (delegate* unmanaged[SuppressGCTransition]<nuint, void*>)s_exports.Malloc;

        public static readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*> Calloc =
            (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*>)s_exports.Calloc;

        public static readonly delegate* unmanaged[SuppressGCTransition]<void*, nuint, void*> Realloc =
            (delegate* unmanaged[SuppressGCTransition]<void*, nuint, void*>)s_exports.Realloc;

        public static readonly delegate* unmanaged[SuppressGCTransition]<void*, void> Free =
            (delegate* unmanaged[SuppressGCTransition]<void*, void>)s_exports.Free;

        public static readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*> Memalign =
            (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*>)s_exports.Memalign;

        public static readonly delegate* unmanaged[SuppressGCTransition]<void**, nuint, nuint, int> PosixMemalign =
            (delegate* unmanaged[SuppressGCTransition]<void**, nuint, nuint, int>)s_exports.PosixMemalign;

        public static readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*> AlignedAlloc =
            (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*>)s_exports.AlignedAlloc;

        public static readonly delegate* unmanaged[SuppressGCTransition]<void*, nuint> UsableSize =
            (delegate* unmanaged[SuppressGCTransition]<void*, nuint>)s_exports.UsableSize;
    }
}
