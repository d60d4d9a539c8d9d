using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap;

/// <summary>
/// The calling thread's way into a heap, found once: in a loop it saves the search for the thread's cache that each operation begins with.
/// </summary>
/// <remarks>
/// Get it from <see cref="NativeHeap.GetLocal"/> outside the loop. It lives on the stack, so it cannot come to another thread; blocks
/// can, and may be freed anywhere. After the heap is disposed every call throws <see cref="ObjectDisposedException"/>.
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

    // A cache outlives its heap and may serve another by now. False also while what lies on the thread's stacks is being taken.
    private bool IsValid
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _cache->HeapSerial == _serial;
    }

    // For slow paths, which wait for the cache, or find that the heap is disposed.
    private ThreadCache* ValidCache => IsValid ? _cache : ThreadCache.None;

    /// <inheritdoc cref="SpanMemory.Alloc(nuint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* Alloc(nuint byteCount) =>
        byteCount <= SizeClasses.MaxSharedSize && IsValid && ThreadCache.TryAlloc(_cache, byteCount, out void* block)
            ? block
            : _core.Allocate(ValidCache, byteCount, zeroed: false);

    /// <inheritdoc cref="SpanMemory.AllocZeroed(nuint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* AllocZeroed(nuint byteCount)
    {
        if (byteCount <= SizeClasses.MaxSharedSize && IsValid && ThreadCache.TryAlloc(_cache, byteCount, out void* block))
        {
            ZeroMemory.ClearBlock(block, byteCount);
            return block;
        }

        return _core.Allocate(ValidCache, byteCount, zeroed: true);
    }

    /// <inheritdoc cref="SpanMemory.Free"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(void* ptr)
    {
        if (!IsValid || !ThreadCache.TryFree(_cache, ptr))
        {
            _core.Free(ValidCache, ptr);
        }
    }

    /// <inheritdoc cref="SpanMemory.Realloc"/>
    public void* Realloc(void* ptr, nuint byteCount) => _core.Reallocate(ValidCache, ptr, byteCount, HeapCore.NoAlignment);

    /// <inheritdoc cref="SpanMemory.AlignedAlloc"/>
    public void* AlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return IsValid && SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(_cache, sizeClass, out void* block)
            ? block
            : _core.AllocateAligned(ValidCache, byteCount, alignment);
    }
}
