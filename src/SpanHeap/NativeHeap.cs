using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Metrics;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Threads;

namespace SpanHeap;

/// <summary>
/// Represents a heap of native memory with its own arenas, memory limit, checks and statistics. <see cref="Dispose"/> frees all its blocks at once.
/// </summary>
/// <remarks>
/// All members except <see cref="Dispose"/> are thread safe. Any thread may free a block, but only in the heap that allocated it. The garbage
/// collector frees nothing: a heap that becomes unreachable without having been disposed keeps its memory, because a pointer into it does not keep
/// the heap alive.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
[DebuggerTypeProxy(typeof(HeapDebugView))]
public sealed unsafe partial class NativeHeap : IDisposable, IMeteredHeap
{
    private static NativeHeap? s_shared;

    private readonly HeapCore _core;
    private readonly int _number;
    private readonly bool _isShared;

    // HeapCore.NoSerial after Dispose. No thread's slot has that serial, so every call takes a slow path, which throws.
    private ulong _serial;

    /// <summary>Initializes a new heap with default options.</summary>
    public NativeHeap()
        : this(new NativeHeapOptions())
    {
    }

    /// <summary>Initializes a new heap with the specified options.</summary>
    /// <param name="options">The options of the heap. Later changes to the object have no effect on the heap.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="IOException"><see cref="GuardOptions.RecordFile"/> cannot be written.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the heap's own records.</exception>
    /// <exception cref="PlatformNotSupportedException">The process is not a 64-bit process on Linux, macOS or Windows.</exception>
    public NativeHeap(NativeHeapOptions options)
        : this(new HeapCore(Validate(options)))
    {
    }

    private NativeHeap(HeapCore core)
    {
        _core = core;
        _isShared = core == SharedHeap.Core;
        _number = core.Number;
        _serial = core.Serial;
        core.OnMisuse = RaiseMisuseFound;
        if (!_isShared)
        {
            LiveHeaps.Add(this);
        }
    }

    /// <summary>
    /// Gets the heap that <see cref="SpanMemory"/> uses. It is created on first use, with options from the <c>SPANHEAP_*</c> environment variables,
    /// and lives as long as the process.
    /// </summary>
    public static NativeHeap Shared
    {
        get
        {
            NativeHeap? shared = Volatile.Read(ref s_shared);
            if (shared == null)
            {
                NativeHeap made = new(MeteredSharedHeap.Require());
                shared = Interlocked.CompareExchange(ref s_shared, made, null) ?? made;
                shared._core.OnMisuse = shared.RaiseMisuseFound;
            }

            return shared;
        }
    }

    /// <summary>
    /// Occurs for each misuse that is found after the call that caused it: a pointer that turns out to have been freed wrongly when its block returns to
    /// its span, or, with <see cref="HeapChecks.Full"/>, a block that was written to after it had been freed. The event is raised on a thread-pool
    /// thread, some time after the wrong call. Without a handler the misuse is only counted. An exception from a handler ends the process, as on any
    /// thread of the pool.
    /// </summary>
    public event EventHandler<HeapMisuseEventArgs>? MisuseFound;

    /// <summary>Gets the heap's name in messages, statistics and metrics.</summary>
    public string Name => _core.Name;

    /// <summary>
    /// Gets the number of bytes in use above which allocations throw <see cref="OutOfMemoryException"/>, or 0 for no limit.
    /// <see cref="NativeHeapOptions.MemoryLimit"/> says what counts.
    /// </summary>
    public nuint MemoryLimit => _core.Options.MemoryLimit;

    /// <summary>Gets how much misuse the heap detects, and when.</summary>
    public HeapChecks Checks => _core.Options.Checks;

    /// <summary>Gets whether the heap has been disposed.</summary>
    public bool IsDisposed => _core.IsDisposed;

    internal HeapCore Core => _core;

    /// <summary>Whether the heap has been disposed, by a single load.</summary>
    internal bool IsClosed => _serial == HeapCore.NoSerial;

    HeapCore IMeteredHeap.Core => _core;

    // ThreadCache.None when the thread has no cache yet or the heap is disposed. The slow paths tell the two apart.
    private ThreadCache* Cache
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ThreadRecord.FindCache(_isShared, _number, _serial);
    }

    /// <inheritdoc cref="SpanMemory.Alloc(nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* Alloc(nuint byteCount)
    {
        ThreadCache* cache = Cache;
        return byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block)
            ? block
            : _core.Allocator.Allocate(cache, byteCount, zeroed: false);
    }

    /// <inheritdoc cref="SpanMemory.Alloc(nuint, nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* Alloc(nuint elementCount, nuint elementSize) => Alloc(ByteCount.Of(elementCount, elementSize));

    /// <inheritdoc cref="SpanMemory.TryAlloc(nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* TryAlloc(nuint byteCount)
    {
        ThreadCache* cache = Cache;
        return byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block)
            ? block
            : _core.Allocator.TryAllocate(cache, byteCount);
    }

    /// <inheritdoc cref="SpanMemory.AllocZeroed(nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AllocZeroed(nuint byteCount)
    {
        ThreadCache* cache = Cache;
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            ZeroMemory.ClearBlock(block, byteCount);
            return block;
        }

        return _core.Allocator.Allocate(cache, byteCount, zeroed: true);
    }

    /// <inheritdoc cref="SpanMemory.AllocZeroed(nuint, nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AllocZeroed(nuint elementCount, nuint elementSize) => AllocZeroed(ByteCount.Of(elementCount, elementSize));

    /// <summary>Frees a block of this heap.</summary>
    /// <param name="ptr">A pointer to the block, or null, which does nothing.</param>
    /// <exception cref="HeapCorruptionException">
    /// The pointer is not a block of this heap. Foreign pointers, blocks of other heaps and pointers into free pages are always refused; other misuse
    /// is refused with <see cref="HeapChecks.Full"/> and found later without. The heap is unchanged.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(void* ptr)
    {
        ThreadCache* cache = Cache;
        if (ThreadCache.TryFree(cache, ptr))
        {
            return;
        }

        _core.Frees.Free(cache, ptr);
    }

    /// <inheritdoc cref="SpanMemory.Realloc(void*, nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* Realloc(void* ptr, nuint byteCount) => _core.Resizer.Reallocate(Cache, ptr, byteCount, BlockRequest.NoAlignment);

    /// <inheritdoc cref="SpanMemory.TryRealloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* TryRealloc(void* ptr, nuint byteCount) => _core.Resizer.TryReallocate(Cache, ptr, byteCount, BlockRequest.NoAlignment);

    /// <inheritdoc cref="SpanMemory.AlignedAlloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        ThreadCache* cache = Cache;
        return SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(cache, sizeClass, out void* block)
            ? block
            : _core.Allocator.AllocateAligned(cache, byteCount, alignment);
    }

    /// <inheritdoc cref="SpanMemory.TryAlignedAlloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* TryAlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        ThreadCache* cache = Cache;
        return SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(cache, sizeClass, out void* block)
            ? block
            : _core.Allocator.TryAllocate(cache, byteCount, alignment);
    }

    /// <inheritdoc cref="SpanMemory.AlignedRealloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return _core.Resizer.Reallocate(Cache, ptr, byteCount, alignment);
    }

    /// <summary>Frees a block of this heap. Equivalent to <see cref="Free"/>: either method frees aligned and other blocks.</summary>
    /// <param name="ptr">A pointer to the block, or null, which does nothing.</param>
    /// <inheritdoc cref="Free" path="/exception"/>
    public void AlignedFree(void* ptr)
    {
        ThreadCache* cache = Cache;
        if (!ThreadCache.TryFree(cache, ptr))
        {
            _core.Frees.Free(cache, ptr, aligned: true);
        }
    }

    /// <inheritdoc cref="SpanMemory.Alloc{T}(nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* Alloc<T>(nuint count)
        where T : unmanaged => (T*)Alloc(count, (nuint)sizeof(T));

    /// <inheritdoc cref="SpanMemory.Alloc{T}(int)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* Alloc<T>(int count)
        where T : unmanaged => (T*)Alloc(ByteCount.OfCount(count, sizeof(T)));

    /// <inheritdoc cref="SpanMemory.AllocZeroed{T}(nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* AllocZeroed<T>(nuint count)
        where T : unmanaged => (T*)AllocZeroed(count, (nuint)sizeof(T));

    /// <inheritdoc cref="SpanMemory.AllocZeroed{T}(int)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* AllocZeroed<T>(int count)
        where T : unmanaged => (T*)AllocZeroed(ByteCount.OfCount(count, sizeof(T)));

    /// <inheritdoc cref="SpanMemory.Realloc{T}(T*, nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* Realloc<T>(T* ptr, nuint count)
        where T : unmanaged => (T*)Realloc((void*)ptr, ByteCount.Of(count, (nuint)sizeof(T)));

    /// <inheritdoc cref="SpanMemory.Realloc{T}(T*, int)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* Realloc<T>(T* ptr, int count)
        where T : unmanaged => (T*)Realloc((void*)ptr, ByteCount.OfCount(count, sizeof(T)));

    /// <summary>
    /// Frees all blocks of the heap at once and gives its memory back to the system. The caller must make sure that no thread uses the heap or its
    /// blocks meanwhile; later calls throw <see cref="ObjectDisposedException"/>. Not thread safe.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// This is the shared heap; or the manual side of a heap with traced memory, in which case that heap is to be disposed instead; or native code
    /// has hooks of the heap, which are to be disposed first. The heap is unchanged.
    /// </exception>
    public void Dispose()
    {
        if (_isShared)
        {
            throw new InvalidOperationException("The shared heap lives as long as the process and cannot be disposed.");
        }

        if (_core.Wing is { } wing)
        {
            throw new InvalidOperationException(wing.DisposeRefusal);
        }

        _core.State.EndHooks();
        Close();
    }

    /// <summary>Creates the manual side of a heap that has a wing.</summary>
    internal static NativeHeap Of(HeapCore core) => new(core);

    /// <summary>Ends the heap. Called by <see cref="Dispose"/> or by the wing that the heap belongs to.</summary>
    internal void Close()
    {
        _serial = HeapCore.NoSerial;
        LiveHeaps.Remove(this);
        _core.Dispose();
    }

    private static NativeHeapOptions Validate(NativeHeapOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        NativeHeapOptions validated = options.Validated();
        HeapMeter.Start();
        return validated;
    }

    private void RaiseMisuseFound(nint address, MisuseKind kind) => MisuseFound?.Invoke(this, new HeapMisuseEventArgs(address, kind));
}
