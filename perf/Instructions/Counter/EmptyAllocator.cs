using System.Runtime.InteropServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>
/// Hands out the same block each time, and executes nothing for it. What a loop takes with it is the loop's. <c>CBaseline/allocator.h</c> is the
/// same in C.
/// </summary>
internal readonly unsafe struct EmptyAllocator : IAllocator<EmptyAllocator>
{
    /// <summary>As large as the largest block of any loop or trace. What is not written to takes no memory.</summary>
    private const nuint Size = 256 << 20;

    private static readonly void* s_block = NativeMemory.Alloc(Size);

    private readonly void* _block;

    private EmptyAllocator(void* block) => _block = block;

    public static EmptyAllocator ForThisThread() => new(s_block);

    public void* Alloc(nuint size) => _block;
    public void* AllocZeroed(nuint size) => _block;
    public void* AlignedAlloc(nuint size, nuint alignment) => _block;
    public void* Realloc(void* block, nuint size) => _block;
    public void Free(void* block) { }
    public void AlignedFree(void* block) { }
}
