using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Threads;

namespace SpanHeap.Hooks;

/// <summary>
/// Leads a hook to its heap. Native code has the address of one of these as its opaque pointer; a hook without such a pointer has one of its own.
/// </summary>
/// <remarks>
/// Lies in native memory that is never given back, so that a hook that is called too late finds out and can say so. Written while no native code
/// calls the hook; read by any thread.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct HookTarget
{
    /// <summary>The size in bytes, which is also the alignment: a line of the processor's cache.</summary>
    public const int Size = 64;

    // HeapCore.NoSerial while no heap is behind it: no thread has a cache of such a heap, so every call takes a slow path.
    private ulong _serial;
    private int _number;
    private bool _isShared;
    private bool _hasFullChecks;
    private bool _hasGuards;

    // A HeapCore, or the name of the heap that the hook was for; 0 before its first heap.
    private nint _holder;

    /// <summary>Creates targets behind which there is no heap.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for them.</exception>
    public static HookTarget* Make(int count)
    {
        HookTarget* made = (HookTarget*)NativeMemory.AlignedAlloc((nuint)(count * Size), Size);
        for (int i = 0; i < count; i++)
        {
            made[i] = new HookTarget { _serial = HeapCore.NoSerial };
        }

        return made;
    }

    /// <summary>Leads to a heap from now on, and keeps it alive.</summary>
    public static void Open(HookTarget* target, HeapCore core)
    {
        Hold(target, core);
        target->_number = core.Number;
        target->_isShared = core.State.IsShared;
        target->_hasFullChecks = core.HasFullChecks;
        target->_hasGuards = core.Guard != null;
        target->_serial = core.Serial;

        // Hooks are compiled when they are first called, and to better code when what they look at is there.
        FindCache(target);
    }

    /// <summary>Leads to no heap from now on, and keeps only the name of the last.</summary>
    public static void Close(HookTarget* target)
    {
        target->_serial = HeapCore.NoSerial;
        target->_isShared = false;
        Hold(target, CoreOf(target)?.Name ?? "");
    }

    /// <summary>Finds the calling thread's cache. Returns <see cref="ThreadCache.None"/> when it has none yet, and when there is no heap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* FindCache(HookTarget* target) =>
        target != null ? ThreadRecord.FindCache(target->_isShared, target->_number, target->_serial) : ThreadCache.None;

    /// <summary>Determines whether the size of a block is that of its slot, which the page entry tells.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasSizesBySlot(HookTarget* target) => target != null && !target->_hasFullChecks;

    /// <summary>Determines whether the heap wants to know exactly how many bytes a block is used for.</summary>
    public static bool WantsExactSizes(HookTarget* target) => target == null || target->_hasFullChecks || target->_hasGuards;

    /// <summary>Gets the heap; null when there is none.</summary>
    public static HeapCore? CoreOf(HookTarget* target) => HolderOf(target) as HeapCore;

    /// <summary>Gets the name of the heap that the hook was for; null for a target that never led to one.</summary>
    public static string? FormerName(HookTarget* target) => HolderOf(target) as string;

    private static object? HolderOf(HookTarget* target) =>
        target != null && target->_holder != 0 ? GCHandle<object>.FromIntPtr(target->_holder).Target : null;

    private static void Hold(HookTarget* target, object holder)
    {
        if (target->_holder == 0)
        {
            target->_holder = GCHandle<object>.ToIntPtr(new GCHandle<object>(holder));
        }
        else
        {
            GCHandle<object> handle = GCHandle<object>.FromIntPtr(target->_holder);
            handle.Target = holder;
        }
    }
}
