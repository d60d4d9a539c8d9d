using System.Runtime.InteropServices;
using Cdecl = System.Runtime.CompilerServices.CallConvCdecl;

namespace SpanHeap.Hooks;

/// <summary>Hooks that native code gives an opaque pointer, which is a <see cref="HookTarget"/>: one set serves all heaps.</summary>
/// <remarks>On 64-bit systems there is one calling convention for all of them; Vulkan's is no other.</remarks>
internal static unsafe class OpaqueHooks
{
    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void* Alloc(void* opaque, nuint byteCount) => HookCalls.Allocate((HookTarget*)opaque, byteCount);

    // The product of two 32-bit numbers does not overflow.
    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void* AllocItems(void* opaque, uint itemCount, uint itemSize) => HookCalls.Allocate((HookTarget*)opaque, (nuint)itemCount * itemSize);

    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void* Realloc(void* opaque, void* pointer, nuint byteCount) => HookCalls.Reallocate((HookTarget*)opaque, pointer, byteCount);

    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void Free(void* opaque, void* pointer) => HookCalls.Free((HookTarget*)opaque, pointer);

    /// <summary>Lua's only function: 0 bytes are a free. The old size is Lua's business, and for a new block it is no size.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void* Lua(void* opaque, void* pointer, nuint oldByteCount, nuint byteCount)
    {
        if (byteCount == 0)
        {
            HookCalls.Free((HookTarget*)opaque, pointer);
            return null;
        }

        return HookCalls.Reallocate((HookTarget*)opaque, pointer, byteCount);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void* VulkanAllocation(void* opaque, nuint byteCount, nuint alignment, int scope) =>
        HookCalls.AllocateAligned((HookTarget*)opaque, byteCount, alignment);

    /// <summary>Vulkan's, too: 0 bytes for a block are a free.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(Cdecl)])]
    public static void* VulkanReallocation(void* opaque, void* pointer, nuint byteCount, nuint alignment, int scope)
    {
        if (byteCount == 0 && pointer != null)
        {
            HookCalls.Free((HookTarget*)opaque, pointer);
            return null;
        }

        return HookCalls.ReallocateAligned((HookTarget*)opaque, pointer, byteCount, alignment);
    }
}
