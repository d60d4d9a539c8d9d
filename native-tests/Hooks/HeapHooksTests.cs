using SpanHeap.Hooks;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Hooks;

/// <summary>Each function does what C libraries expect of it.</summary>
[Collection(PlainHookUsers.Name)]
public sealed unsafe class HeapHooksTests
{
    public static TheoryData<int> Sizes => [0, 1, 64, 5000, 40_000, 5 << 20, 80 << 20];

    public static TheoryData<HeapChecks, GuardMode> Kinds => new()
    {
        { HeapChecks.Standard, GuardMode.Off },
        { HeapChecks.Full, GuardMode.Off },
        { HeapChecks.Standard, GuardMode.All },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Malloc_realloc_and_free_use_the_heap(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();

        byte* block = (byte*)hooks.Malloc((nuint)size);
        Assert.True(heap.UsableSize(block) >= (nuint)size);
        Assert.Equal(heap.UsableSize(block), hooks.UsableSize(block));
        new System.Span<byte>(block, size).Fill(0x5A);
        block = (byte*)hooks.Realloc(block, (nuint)(size * 2));
        Assert.Equal(-1, new System.Span<byte>(block, size).IndexOfAnyExcept((byte)0x5A));
        Assert.Equal(1, heap.GetStatistics().LiveBlocks);
        hooks.Free(block);

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void The_functions_with_an_int_do_the_same(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();

        byte* block = (byte*)hooks.MallocInt32(size);
        Assert.Equal(heap.UsableSize(block), (nuint)hooks.UsableSizeInt32(block));
        new System.Span<byte>(block, size).Fill(0x5A);
        block = (byte*)hooks.ReallocInt32(block, size * 2);
        Assert.Equal(-1, new System.Span<byte>(block, size).IndexOfAnyExcept((byte)0x5A));
        hooks.Free(block);

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Calloc_gives_zeros_also_where_a_block_was(int size)
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();
        void* used = hooks.Malloc((nuint)size);
        new System.Span<byte>(used, size).Fill(0x5A);
        hooks.Free(used);

        foreach (nint block in (nint[])[(nint)hooks.Calloc((nuint)size, 1), (nint)hooks.CallocInt32(1, size)])
        {
            Assert.NotEqual(0, block);
            Assert.Equal(-1, new System.Span<byte>((void*)block, size).IndexOfAnyExcept((byte)0));
            hooks.Free((void*)block);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Functions_with_an_opaque_pointer_use_the_heap_that_it_leads_to(int size)
    {
        using NativeHeap one = HeapMaker.New();
        using NativeHeap other = HeapMaker.New();
        using HeapHooks hooks = one.CreateHooks();
        using HeapHooks others = other.CreateHooks();

        void* plain = hooks.OpaqueAlloc(hooks.Opaque, (nuint)size);
        void* items = hooks.OpaqueAllocItems(others.Opaque, (uint)size, 2);
        Assert.True(one.Contains(plain) && other.Contains(items));
        Assert.True(other.UsableSize(items) >= (nuint)size * 2);
        plain = hooks.OpaqueRealloc(hooks.Opaque, plain, (nuint)size * 3);
        Assert.True(one.UsableSize(plain) >= (nuint)size * 3);
        hooks.OpaqueFree(hooks.Opaque, plain);
        hooks.OpaqueFree(others.Opaque, items);

        Assert.Equal((0, 0), (one.GetStatistics().LiveBlocks, other.GetStatistics().LiveBlocks));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Lua_allocates_resizes_and_frees_with_one_function(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = checks, Guard = { Mode = guard } });
        using HeapHooks hooks = heap.CreateHooks();
        const int NotASize = 5;

        byte* block = (byte*)hooks.LuaAlloc(hooks.Opaque, null, NotASize, 40);
        block[39] = 7;
        block = (byte*)hooks.LuaAlloc(hooks.Opaque, block, 40, 4000);
        Assert.Equal(7, block[39]);
        block = (byte*)hooks.LuaAlloc(hooks.Opaque, block, 4000, 40);
        Assert.Equal(7, block[39]);
        Assert.True(hooks.LuaAlloc(hooks.Opaque, block, 40, 0) == null);
        Assert.True(hooks.LuaAlloc(hooks.Opaque, null, 0, 0) == null);

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Theory]
    [InlineData(100, 8)]
    [InlineData(100, 256)]
    [InlineData(5000, 4096)]
    [InlineData(100, 65_536)]
    [InlineData(5 << 20, 65_536)]
    public void Vulkan_gets_blocks_at_its_alignment(int size, int alignment)
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();

        byte* block = (byte*)hooks.VulkanAllocation(hooks.Opaque, (nuint)size, (nuint)alignment, 0);
        Assert.Equal((nuint)0, (nuint)block % (nuint)alignment);
        block[size - 1] = 7;
        block = (byte*)hooks.VulkanReallocation(hooks.Opaque, block, (nuint)size * 4, (nuint)alignment, 0);
        Assert.Equal((nuint)0, (nuint)block % (nuint)alignment);
        Assert.Equal(7, block[size - 1]);
        void* made = hooks.VulkanReallocation(hooks.Opaque, null, (nuint)size, (nuint)alignment, 0);
        Assert.Equal(2, heap.GetStatistics().LiveBlocks);
        hooks.OpaqueFree(hooks.Opaque, block);
        Assert.True(hooks.VulkanReallocation(hooks.Opaque, made, 0, (nuint)alignment, 0) == null);

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        Assert.True(hooks.VulkanAllocation(hooks.Opaque, 100, 24, 0) == null);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_usable_size_is_that_of_the_heap_for_blocks_of_any_thread(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = checks, Guard = { Mode = guard } });
        using HeapHooks hooks = heap.CreateHooks();
        List<nint> blocks = [];
        foreach (nuint size in (nuint[])[0, 1, 64, 1000, 32_768, 32_769, 5 << 20])
        {
            blocks.Add((nint)hooks.Malloc(size));
            HeapMaker.OnOtherThread(() => blocks.Add((nint)hooks.Malloc(size)));
        }

        foreach (nint block in blocks)
        {
            Assert.Equal(heap.UsableSize((void*)block), hooks.UsableSize((void*)block));
            hooks.Free((void*)block);
        }

        Assert.Equal((nuint)0, hooks.UsableSize(null));
        Assert.Equal(0, hooks.UsableSizeInt32(null));
    }

    [Fact]
    public void A_size_that_was_rounded_up_is_the_usable_size()
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();
        for (int size = 0; size <= 32_768; size += 13)
        {
            void* block = hooks.MallocInt32(size);
            Assert.Equal(hooks.UsableSizeInt32(block), hooks.RoundUpInt32(size));
            hooks.Free(block);
        }

        Assert.Equal((40_008, int.MaxValue), (hooks.RoundUpInt32(40_001), hooks.RoundUpInt32(int.MaxValue)));
    }

    [Theory]
    [InlineData(HeapChecks.Full, GuardMode.Off)]
    [InlineData(HeapChecks.Standard, GuardMode.All)]
    public void Where_the_ends_of_blocks_are_watched_a_size_is_rounded_up_to_8_bytes_only(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = checks, Guard = { Mode = guard } });
        using HeapHooks hooks = heap.CreateHooks();

        Assert.Equal((0, 8, 24, 1008), (hooks.RoundUpInt32(0), hooks.RoundUpInt32(1), hooks.RoundUpInt32(17), hooks.RoundUpInt32(1001)));
    }

    [Fact]
    public void The_shared_heap_has_hooks_too()
    {
        using HeapHooks hooks = NativeHeap.Shared.CreateHooks();
        void* block = hooks.Malloc(100);
        Assert.True(NativeHeap.Shared.Contains(block));
        hooks.Free(block);
        block = hooks.OpaqueAlloc(hooks.Opaque, 100);
        Assert.True(NativeHeap.Shared.Contains(block));
        hooks.OpaqueFree(hooks.Opaque, block);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Hooks_and_heap_free_each_others_blocks(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = checks, Guard = { Mode = guard } });
        using HeapHooks hooks = heap.CreateHooks();
        hooks.Free(heap.AlignedAlloc(1000, 64));
        heap.Free(hooks.VulkanAllocation(hooks.Opaque, 1000, 64, 0));
        heap.Free(hooks.Malloc(0));

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }
}
