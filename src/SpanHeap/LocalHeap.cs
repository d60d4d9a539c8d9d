using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap;

/// <summary>
/// Gives the calling thread direct access to its cache in a heap. In a loop this saves the lookup with which each operation of
/// <see cref="NativeHeap"/> begins.
/// </summary>
/// <remarks>
/// Call <see cref="NativeHeap.GetLocal"/> outside the loop. The value lives on the stack, so no other thread can get hold of it; its blocks can be
/// passed on and freed anywhere. After the heap is disposed, every call throws <see cref="ObjectDisposedException"/>.
/// </remarks>
public readonly unsafe ref struct LocalHeap
{
    private readonly HeapCore _core;
    private readonly ThreadCache* _cache;
    private readonly ulong _serial;

    internal LocalHeap(HeapCore core, ThreadCache* cache)
    {
        _core = core;
        _cache = cache;
        _serial = core.Serial;
    }

    // A cache outlives its heap and may serve another one by now. Also false while the blocks on the thread's stacks are being taken.
    private bool IsValid
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _cache->Owner.HeapSerial == _serial;
    }

    // For slow paths, which wait for the cache or find that the heap is disposed.
    private ThreadCache* ValidCache => IsValid ? _cache : ThreadCache.None;

    /// <inheritdoc cref="SpanMemory.Alloc(nuint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* Alloc(nuint byteCount) =>
        byteCount <= SizeClasses.MaxSharedSize && IsValid && ThreadCache.TryAlloc(_cache, byteCount, out void* block)
            ? block
            : _core.Allocator.Allocate(ValidCache, byteCount, zeroed: false);

    /// <inheritdoc cref="SpanMemory.AllocZeroed(nuint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* AllocZeroed(nuint byteCount)
    {
        if (byteCount <= SizeClasses.MaxSharedSize && IsValid && ThreadCache.TryAlloc(_cache, byteCount, out void* block))
        {
            ZeroMemory.ClearBlock(block, byteCount);
            return block;
        }

        return _core.Allocator.Allocate(ValidCache, byteCount, zeroed: true);
    }

    /// <inheritdoc cref="SpanMemory.Free"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(void* ptr)
    {
        if (!IsValid || !ThreadCache.TryFree(_cache, ptr))
        {
            _core.Frees.Free(ValidCache, ptr);
        }
    }

    /// <inheritdoc cref="SpanMemory.Realloc(void*, nuint)"/>
    public void* Realloc(void* ptr, nuint byteCount) => _core.Resizer.Reallocate(ValidCache, ptr, byteCount, BlockRequest.NoAlignment);

    /// <inheritdoc cref="SpanMemory.AlignedRealloc"/>
    public void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return _core.Resizer.Reallocate(ValidCache, ptr, byteCount, alignment);
    }

    /// <inheritdoc cref="SpanMemory.AlignedAlloc"/>
    public void* AlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return IsValid && SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(_cache, sizeClass, out void* block)
            ? block
            : _core.Allocator.AllocateAligned(ValidCache, byteCount, alignment);
    }
}
