using SpanHeap.Heap;

namespace SpanHeap.Hooks;

/// <summary>
/// Provides functions through which a native library uses a heap: in the shapes of <c>malloc</c> and its kin, with an opaque pointer as zlib, Zstandard
/// and Brotli take them, as Lua's <c>lua_Alloc</c>, and as Vulkan's <c>VkAllocationCallbacks</c>.
/// </summary>
/// <remarks>
/// <para>
/// All functions are thread safe, and any thread may call them, also one that .NET has not created. They return null when there is no memory or the
/// heap is at its limit; 0 bytes give a block; a negative size and a product that overflows give null. A resize that shrinks a block never fails. No
/// exception crosses a native frame: a pointer that is not a block of the heap ends the process, with a message that names the pointer and the heap.
/// </para>
/// <para>
/// Functions without an opaque pointer, which are those from <see cref="Malloc"/> to <see cref="RoundUpInt32"/>, come in eight sets, of which each
/// serves one heap. The first use of one of these properties takes a set. Any number of heaps can have functions with an opaque pointer, which native
/// code must be given together with <see cref="Opaque"/>.
/// </para>
/// <para>
/// The functions must not be called by a thread that is ending, or while the process ends: libraries that free memory in destructors of threads or in
/// <c>atexit</c> cannot use them, because the runtime ends a process in which native code calls managed code then.
/// </para>
/// </remarks>
public sealed unsafe class HeapHooks : IDisposable
{
    private const int NoSet = -1;

    private readonly HeapCore _core;
    private readonly HookTarget* _target;
    private readonly Lock _lock = new();

    // By the lock.
    private int _plainSet = NoSet;
    private bool _isDisposed;

    internal HeapHooks(HeapCore core)
    {
        _core = core;
        core.State.AddHooks();
        try
        {
            _target = HookTargets.Take(core);
        }
        catch
        {
            core.State.RemoveHooks();
            throw;
        }
    }

    /// <summary>Gets the opaque pointer that leads to the heap.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public void* Opaque
    {
        get
        {
            ThrowIfDisposed();
            return _target;
        }
    }

    /// <summary>Gets <c>void *malloc(size_t size)</c>, which allocates a block.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<nuint, void*> Malloc => Plain.Malloc;

    /// <summary>Gets <c>void *calloc(size_t count, size_t size)</c>, which allocates a block for several elements whose bytes are zero.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<nuint, nuint, void*> Calloc => Plain.Calloc;

    /// <summary>Gets <c>void *realloc(void *pointer, size_t size)</c>, which resizes a block, or allocates one for null. For 0 bytes it gives a block.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, nuint, void*> Realloc => Plain.Realloc;

    /// <summary>Gets <c>void free(void *pointer)</c>, which frees a block. Null is ignored.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, void> Free => Plain.Free;

    /// <summary>Gets <c>size_t usable_size(void *pointer)</c>, which gets the number of bytes of a block that may be used, which is 0 for null.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, nuint> UsableSize => Plain.UsableSize;

    /// <summary>Gets <c>void *malloc(int size)</c>, which allocates a block.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<int, void*> MallocInt32 => Plain.MallocInt32;

    /// <summary>Gets <c>void *calloc(int count, int size)</c>, which allocates a block for several elements whose bytes are zero.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<int, int, void*> CallocInt32 => Plain.CallocInt32;

    /// <summary>Gets <c>void *realloc(void *pointer, int size)</c>, which resizes a block, or allocates one for null. For 0 bytes it gives a block.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, int, void*> ReallocInt32 => Plain.ReallocInt32;

    /// <summary>Gets <c>int usable_size(void *pointer)</c>, which gets the number of bytes of a block that may be used, which is 0 for null.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, int> UsableSizeInt32 => Plain.UsableSizeInt32;

    /// <summary>Gets <c>int round_up(int size)</c>, which gets the size that a block of the given size has. For large blocks, and where the heap watches the ends of blocks, this is the next multiple of 8.</summary>
    /// <exception cref="InvalidOperationException">Eight other heaps have functions without an opaque pointer.</exception>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<int, int> RoundUpInt32 => Plain.RoundUpInt32;

    /// <summary>Gets <c>void *alloc(void *opaque, size_t size)</c>, which allocates a block, as Zstandard and Brotli take it.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, nuint, void*> OpaqueAlloc
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.Alloc;
        }
    }

    /// <summary>Gets <c>void *alloc(void *opaque, unsigned items, unsigned size)</c>, which allocates a block for several items, as zlib takes it.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, uint, uint, void*> OpaqueAllocItems
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.AllocItems;
        }
    }

    /// <summary>Gets <c>void *realloc(void *opaque, void *pointer, size_t size)</c>, which resizes a block, or allocates one for null. For 0 bytes it gives a block.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, void*, nuint, void*> OpaqueRealloc
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.Realloc;
        }
    }

    /// <summary>Gets <c>void free(void *opaque, void *pointer)</c>, which frees a block. Null is ignored. Zlib, Zstandard and Brotli take it, and Vulkan as <c>pfnFree</c>.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, void*, void> OpaqueFree
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.Free;
        }
    }

    /// <summary>Gets <c>void *lua_Alloc(void *ud, void *pointer, size_t old_size, size_t size)</c>, which allocates, resizes or, for 0 bytes, frees a block, as Lua takes it.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, void*, nuint, nuint, void*> LuaAlloc
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.Lua;
        }
    }

    /// <summary>Gets <c>void *pfnAllocation(void *user, size_t size, size_t alignment, int scope)</c>, which allocates a block at an alignment, which is a power of two, or the result is null.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, nuint, nuint, int, void*> VulkanAllocation
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.VulkanAllocation;
        }
    }

    /// <summary>Gets <c>void *pfnReallocation(void *user, void *original, size_t size, size_t alignment, int scope)</c>, which resizes a block at an alignment, which must be that of the block; allocates one for null; and frees one for 0 bytes.</summary>
    /// <exception cref="ObjectDisposedException">The hooks have been disposed.</exception>
    public delegate* unmanaged[Cdecl]<void*, void*, nuint, nuint, int, void*> VulkanReallocation
    {
        get
        {
            ThrowIfDisposed();
            return &OpaqueHooks.VulkanReallocation;
        }
    }

    // A set is taken when it is first needed: hooks with an opaque pointer do without.
    private PlainHooks Plain
    {
        get
        {
            lock (_lock)
            {
                ThrowIfDisposed();
                if (_plainSet == NoSet)
                {
                    _plainSet = PlainHookSets.Take(_core);
                }

                return PlainHookCode.Of(_plainSet);
            }
        }
    }

    /// <summary>
    /// Takes the functions back. The native library must have freed its blocks, or never look at them again, and must not call the functions any
    /// longer: a call that comes too late ends the process. The blocks that it has not freed stay allocated. Further calls do nothing.
    /// </summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            try
            {
                HookTargets.Return(_target);
                if (_plainSet != NoSet)
                {
                    PlainHookSets.Return(_plainSet);
                }
            }
            finally
            {
                _core.State.RemoveHooks();
            }
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed), this);
}
