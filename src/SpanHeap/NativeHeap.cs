using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Spans;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>
/// A heap of native memory: its own arenas, limit, checks and statistics. <see cref="Dispose"/> frees all its blocks at once.
/// </summary>
/// <remarks>
/// Thread safe but for <see cref="Dispose"/>; a block may be freed by any thread, but only in its heap. Nothing is freed by the garbage
/// collector: a heap that is dropped undisposed keeps its memory, because the pointers into it keep nothing alive.
/// </remarks>
public sealed unsafe partial class NativeHeap : IDisposable
{
    // As good as never, and far enough from where sums overflow.
    private static readonly nuint s_largestMinimum = (nuint)1 << 60;

    private static NativeHeap? s_shared;

    private readonly HeapCore _core;
    private readonly int _number;
    private readonly bool _isShared;

    // HeapCore.NoSerial after Dispose: no thread's slot has that, so every call comes to a slow path, which throws.
    private ulong _serial;

    /// <summary>Makes a heap with default options.</summary>
    public NativeHeap()
        : this(new NativeHeapOptions())
    {
    }

    /// <summary>Makes a heap.</summary>
    /// <param name="options">Its options; later changes to the object do not matter.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="IOException"><see cref="NativeHeapOptions.GuardRecordFile"/> cannot be written.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the heap's own records.</exception>
    /// <exception cref="PlatformNotSupportedException">Not a 64-bit process on Linux, macOS or Windows.</exception>
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
        if (core.Options.Traced)
        {
            try
            {
                _traced = MakeTraced();
            }
            catch
            {
                // The caller never gets the heap and could not do it.
                core.Dispose();
                throw;
            }
        }
    }

    /// <summary>
    /// The heap that <see cref="SpanMemory"/> uses, made at its first use with options from <c>SPANHEAP_*</c> environment variables. It
    /// lives as long as the process.
    /// </summary>
    public static NativeHeap Shared
    {
        get
        {
            NativeHeap? shared = Volatile.Read(ref s_shared);
            if (shared == null)
            {
                NativeHeap made = new(SharedHeap.Require());
                shared = Interlocked.CompareExchange(ref s_shared, made, null) ?? made;
                shared._core.OnMisuse = shared.RaiseMisuseFound;
            }

            return shared;
        }
    }

    /// <summary>
    /// Raised for each pointer that turned out, when its block returned to its span, to have been freed wrongly; on a thread of the
    /// pool, some time after. Without a handler it is only counted. What a handler throws ends the process, as on any thread of the pool.
    /// </summary>
    public event EventHandler<HeapMisuseEventArgs>? MisuseFound;

    /// <summary>The heap's name in messages and statistics.</summary>
    public string Name => _core.Name;

    /// <summary>Bytes of pages in use and metadata above which allocations fail; 0 for no limit.</summary>
    public nuint MemoryLimit => _core.Options.MemoryLimit;

    /// <summary>How much misuse is found, and when.</summary>
    public HeapChecks Checks => _core.Options.Checks;

    /// <summary>Whether the heap has been disposed.</summary>
    public bool IsDisposed => _core.IsDisposed;

    internal HeapCore Core => _core;

    // None when the thread has no cache yet, or the heap is disposed: slow paths tell which.
    private ThreadCache* Cache
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => HeapCore.FindCache(_isShared, _number, _serial);
    }

    /// <inheritdoc cref="SpanMemory.Alloc(nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void* Alloc(nuint byteCount)
    {
        ThreadCache* cache = Cache;
        return byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block)
            ? block
            : _core.Allocate(cache, byteCount, zeroed: false);
    }

    /// <inheritdoc cref="SpanMemory.Alloc(nuint, nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* Alloc(nuint elementCount, nuint elementSize) => Alloc(ByteCount.Of(elementCount, elementSize));

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

        return _core.Allocate(cache, byteCount, zeroed: true);
    }

    /// <inheritdoc cref="SpanMemory.AllocZeroed(nuint, nuint)"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AllocZeroed(nuint elementCount, nuint elementSize) => AllocZeroed(ByteCount.Of(elementCount, elementSize));

    /// <summary>Frees a block of this heap.</summary>
    /// <param name="ptr">A pointer to the block, or null, which does nothing.</param>
    /// <exception cref="HeapCorruptionException">
    /// The pointer is no block of this heap: foreign pointers, other heaps' blocks and pointers into free pages are found at once,
    /// others with <see cref="HeapChecks.Full"/>. Nothing has changed.
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

        _core.Free(cache, ptr);
    }

    /// <inheritdoc cref="SpanMemory.Realloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* Realloc(void* ptr, nuint byteCount) => _core.Reallocate(Cache, ptr, byteCount, HeapCore.NoAlignment);

    /// <inheritdoc cref="SpanMemory.AlignedAlloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        ThreadCache* cache = Cache;
        return SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(cache, sizeClass, out void* block)
            ? block
            : _core.AllocateAligned(cache, byteCount, alignment);
    }

    /// <inheritdoc cref="SpanMemory.AlignedRealloc"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return _core.Reallocate(Cache, ptr, byteCount, alignment);
    }

    /// <summary>The same as <see cref="Free"/>: both families of blocks may be freed by either.</summary>
    /// <param name="ptr">A pointer to the block, or null, which does nothing.</param>
    public void AlignedFree(void* ptr)
    {
        ThreadCache* cache = Cache;
        if (!ThreadCache.TryFree(cache, ptr))
        {
            _core.Free(cache, ptr, aligned: true);
        }
    }

    /// <summary>Allocates room for so many values.</summary>
    /// <typeparam name="T">Their type.</typeparam>
    /// <param name="count">How many.</param>
    /// <returns>A pointer to the first, never null. Contents are undefined.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size; a product that overflows is such a size.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* Alloc<T>(nuint count)
        where T : unmanaged => (T*)Alloc(count, (nuint)sizeof(T));

    /// <summary>Allocates zeroed room for so many values.</summary>
    /// <inheritdoc cref="Alloc{T}(nuint)"/>
    public T* AllocZeroed<T>(nuint count)
        where T : unmanaged => (T*)AllocZeroed(count, (nuint)sizeof(T));

    /// <summary>Makes room for so many values out of room for fewer or more; contents are kept up to the lesser of both.</summary>
    /// <typeparam name="T">Their type.</typeparam>
    /// <param name="ptr">The old room, or null.</param>
    /// <param name="count">How many.</param>
    /// <returns>A pointer to the first, never null.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size; the old block is as it was.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is no block of this heap. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public T* Realloc<T>(T* ptr, nuint count)
        where T : unmanaged => (T*)Realloc((void*)ptr, ByteCount.Of(count, (nuint)sizeof(T)));

    /// <summary>
    /// Frees all blocks of the heap at once and gives its memory back. The caller has made sure that no thread is using the heap or its
    /// blocks; later calls throw <see cref="ObjectDisposedException"/>. A clean-up that is running is waited for; those that are not are
    /// dropped, whether their block has died or not.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// This is the shared heap; or a thread is in a scope of the heap, or has a <see cref="MarkSession"/> of it open; or the caller is one
    /// of the heap's clean-ups. Nothing has changed.
    /// </exception>
    public void Dispose()
    {
        if (_isShared)
        {
            throw new InvalidOperationException("The shared heap lives as long as the process and cannot be disposed.");
        }

        if (!_core.IsDisposed)
        {
            _traced?.RequireUnused();
        }

        _serial = HeapCore.NoSerial;
        _traced?.Dispose();
        _core.Dispose();
    }

    private static NativeHeapOptions Validate(NativeHeapOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Validated();
    }

    private void RaiseMisuseFound(nint address, MisuseKind kind) => MisuseFound?.Invoke(this, new HeapMisuseEventArgs(address, kind));
}
