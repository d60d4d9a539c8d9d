using System.Runtime.InteropServices;
using Cdecl = System.Runtime.CompilerServices.CallConvCdecl;

namespace SpanHeap.Hooks;

/// <summary>
/// The code of hooks without an opaque pointer. Nothing that native code passes says which heap is meant, so each set has functions of its own. The
/// text is the same for all but for the number: functions that native code may call cannot be generic.
/// </summary>
internal static unsafe class PlainHookCode
{
    /// <summary>The number of sets, and so of heaps that can have such hooks at the same time.</summary>
    public const int Count = 8;

    /// <summary>Where the hooks of each set find their heap. A constant for the code that is compiled after this class has been used.</summary>
    public static readonly HookTarget* Targets = HookTarget.Make(Count);

    /// <summary>Gets the hooks of a set.</summary>
    public static PlainHooks Of(int set) => set switch
    {
        0 => Set0.Hooks,
        1 => Set1.Hooks,
        2 => Set2.Hooks,
        3 => Set3.Hooks,
        4 => Set4.Hooks,
        5 => Set5.Hooks,
        6 => Set6.Hooks,
        _ => Set7.Hooks,
    };

    private static class Set0
    {
        private static HookTarget* Own => Targets;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set1
    {
        private static HookTarget* Own => Targets + 1;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set2
    {
        private static HookTarget* Own => Targets + 2;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set3
    {
        private static HookTarget* Own => Targets + 3;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set4
    {
        private static HookTarget* Own => Targets + 4;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set5
    {
        private static HookTarget* Own => Targets + 5;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set6
    {
        private static HookTarget* Own => Targets + 6;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }

    private static class Set7
    {
        private static HookTarget* Own => Targets + 7;

        public static PlainHooks Hooks => new()
        {
            Malloc = &Malloc,
            Calloc = &Calloc,
            Realloc = &Realloc,
            Free = &Free,
            UsableSize = &UsableSize,
            MallocInt32 = &MallocInt32,
            CallocInt32 = &CallocInt32,
            ReallocInt32 = &ReallocInt32,
            UsableSizeInt32 = &UsableSizeInt32,
            RoundUpInt32 = &RoundUpInt32,
        };

        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Malloc(nuint byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Calloc(nuint count, nuint size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* Realloc(void* pointer, nuint byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static nuint UsableSize(void* pointer) => HookCalls.UsableSize(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* MallocInt32(int byteCount) => HookCalls.Allocate(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* CallocInt32(int count, int size) => HookCalls.AllocateZeroed(Own, count, size);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void* ReallocInt32(void* pointer, int byteCount) => HookCalls.Reallocate(Own, pointer, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int UsableSizeInt32(void* pointer) => HookCalls.UsableSizeInt32(Own, pointer);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static int RoundUpInt32(int byteCount) => HookCalls.RoundUp(Own, byteCount);
        [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])] private static void Free(void* pointer) => HookCalls.Free(Own, pointer);
    }
}
