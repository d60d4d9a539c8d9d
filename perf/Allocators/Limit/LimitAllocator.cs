using System.Runtime.CompilerServices;
using SpanHeap.Caches;

namespace SpanHeap.Perf.Allocators.Limit;

/// <summary>
/// The cheapest correct thing with the shape of SpanHeap's thread cache: a stack of block addresses per size class whose top, base and
/// limit lie in native memory. Nothing is ever given back, nothing is checked, sizes end at 1 MiB: a bound and no allocator for programs.
/// </summary>
internal readonly unsafe struct LimitAllocator : IAllocator<LimitAllocator>
{
    private readonly ClassStack* _stacks;

    private LimitAllocator(ClassStack* stacks) => _stacks = stacks;

    public static LimitAllocator ForThisThread() => new(LimitCaches.OfThisThread());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* Alloc(nuint size)
    {
        uint sizeClass = LimitSizes.ClassOf(size);
        return ClassStack.TryPop(_stacks + sizeClass, out void* block) ? block : LimitDepot.Refill(_stacks + sizeClass, sizeClass);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(void* block)
    {
        if (block == null)
        {
            return;
        }

        uint sizeClass = LimitDepot.ClassOf(block);
        if (!ClassStack.TryPush(_stacks + sizeClass, block))
        {
            LimitDepot.Flush(_stacks + sizeClass, sizeClass, block);
        }
    }

    public void* AllocZeroed(nuint size) => throw NotThere();
    public void* AlignedAlloc(nuint size, nuint alignment) => throw NotThere();
    public void* Realloc(void* block, nuint size) => throw NotThere();
    public void AlignedFree(void* block) => throw NotThere();

    private static NotSupportedException NotThere() => new("The limit has only Alloc and Free.");
}
