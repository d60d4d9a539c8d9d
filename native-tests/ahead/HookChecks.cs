using SpanHeap.Hooks;

namespace SpanHeap.Tests.Ahead;

/// <summary>Functions through which native code uses a heap.</summary>
internal static unsafe class HookChecks
{
    public static void Native_code_allocates_and_frees()
    {
        using NativeHeap heap = new(new NativeHeapOptions { MemoryLimit = 16 << 20 });
        using HeapHooks hooks = heap.CreateHooks();
        void* plain = hooks.Realloc(hooks.Malloc(100), 1000);
        void* opaque = hooks.LuaAlloc(hooks.Opaque, null, 0, 100);
        Expect.That(heap.Contains(plain) && heap.Contains(opaque), "hooks give blocks of the heap");
        Expect.That(hooks.UsableSize(plain) == heap.UsableSize(plain), "hooks know the size of a block");
        Expect.That(hooks.Malloc(64 << 20) == null, "hooks give null at the limit");
        hooks.Free(plain);
        hooks.LuaAlloc(hooks.Opaque, opaque, 100, 0);
        Expect.That(heap.GetStatistics().LiveBlocks == 0, "hooks free blocks of the heap");
    }

    public static void A_heap_with_hooks_is_not_disposed()
    {
        NativeHeap heap = new();
        HeapHooks hooks = heap.CreateHooks();
        Expect.Throws<InvalidOperationException>(heap.Dispose);
        hooks.Dispose();
        heap.Dispose();
    }
}
