using System.Runtime.InteropServices;
using SpanHeap.Heap;
using SpanHeap.Hooks;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Hooks;

/// <summary>What hooks do with sizes that cannot be had, at limits, and when they come and go in the wrong order.</summary>
[Collection(PlainHookUsers.Name)]
public sealed unsafe class HookBadInputTests
{
    private const nuint MiB = 1 << 20;

    // As many sets as there are.
    private const int Sets = 8;

    [Fact]
    public void Zero_bytes_give_a_block_and_null_is_freed_without_a_word()
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();
        nint[] blocks =
        [
            (nint)hooks.Malloc(0), (nint)hooks.MallocInt32(0), (nint)hooks.Calloc(0, 8), (nint)hooks.CallocInt32(8, 0), (nint)hooks.Realloc(null, 0),
            (nint)hooks.ReallocInt32(null, 0), (nint)hooks.OpaqueAlloc(hooks.Opaque, 0), (nint)hooks.OpaqueAllocItems(hooks.Opaque, 0, 5),
            (nint)hooks.VulkanAllocation(hooks.Opaque, 0, 16, 0), (nint)hooks.Realloc(hooks.Malloc(100), 0),
        ];

        Assert.DoesNotContain(0, blocks);
        Assert.Equal(blocks.Length, blocks.Distinct().Count());
        hooks.Free(null);
        hooks.OpaqueFree(hooks.Opaque, null);
        Array.ForEach(blocks, block => hooks.Free((void*)block));
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_negative_size_gives_null_and_leaves_the_block_alone()
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();
        byte* block = (byte*)hooks.MallocInt32(100);
        block[99] = 7;

        foreach (int size in (int[])[-1, int.MinValue])
        {
            Assert.True(hooks.MallocInt32(size) == null);
            Assert.True(hooks.CallocInt32(size, 1) == null);
            Assert.True(hooks.CallocInt32(1, size) == null);
            Assert.True(hooks.ReallocInt32(null, size) == null);
            Assert.True(hooks.ReallocInt32(block, size) == null);
        }

        Assert.Equal(7, block[99]);
        hooks.Free(block);
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_product_that_overflows_and_a_size_that_nobody_has_give_null()
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();
        byte* block = (byte*)hooks.Malloc(100);
        block[99] = 7;

        Assert.True(hooks.Calloc((nuint.MaxValue / 8) + 2, 8) == null);
        Assert.True(hooks.Malloc(nuint.MaxValue) == null);
        Assert.True(hooks.OpaqueAlloc(hooks.Opaque, nuint.MaxValue - 7) == null);
        Assert.True(hooks.OpaqueAllocItems(hooks.Opaque, uint.MaxValue, uint.MaxValue) == null);
        Assert.True(hooks.Realloc(block, nuint.MaxValue) == null);
        Assert.True(hooks.LuaAlloc(hooks.Opaque, block, 100, nuint.MaxValue) == null);
        Assert.True(hooks.VulkanAllocation(hooks.Opaque, 1, (nuint)1 << 62, 0) == null);

        Assert.Equal(7, block[99]);
        hooks.Free(block);
        heap.Verify();
    }

    [Fact]
    public void At_its_limit_a_heap_gives_null_and_the_next_use_works()
    {
        using NativeHeap heap = HeapMaker.New(limit: 8 * MiB);
        using HeapHooks hooks = heap.CreateHooks();
        Stack<nint> blocks = new();
        for (nint block; (block = (nint)hooks.Malloc(MiB)) != 0;)
        {
            blocks.Push(block);
        }

        Assert.InRange(blocks.Count, 1, 8);
        Assert.True(hooks.Calloc(MiB, 1) == null);
        Assert.True(hooks.Realloc((void*)blocks.Peek(), 4 * MiB) == null);
        Assert.True(hooks.OpaqueAlloc(hooks.Opaque, MiB) == null);
        hooks.Free((void*)blocks.Pop());
        blocks.Push((nint)hooks.Malloc(MiB));
        Assert.NotEqual(0, blocks.Peek());
        heap.Verify();
        foreach (nint block in blocks)
        {
            hooks.Free((void*)block);
        }
    }

    [Theory]
    [MemberData(nameof(HeapHooksTests.Kinds), MemberType = typeof(HeapHooksTests))]
    public void A_shrinking_resize_never_fails(HeapChecks checks, GuardMode guard)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = checks, Guard = { Mode = guard }, ScavengeDelay = Timeout.InfiniteTimeSpan });
        using HeapHooks hooks = heap.CreateHooks();
        foreach (nuint size in (nuint[])[100, 5000, 32_768, 100_000, 3 * MiB, 80 * MiB])
        {
            foreach (nuint smaller in (nuint[])[size - 1, size / 2, 17, 1])
            {
                byte* block = (byte*)hooks.Malloc(size);
                block[0] = 7;
                heap.Core.Os.FailAfter(0);
                byte* shrunk = (byte*)hooks.LuaAlloc(hooks.Opaque, block, size, smaller);
                heap.Core.Os.FailAfter(-1);

                Assert.True(shrunk != null, $"from {size} to {smaller}");
                Assert.Equal(7, shrunk[0]);
                hooks.Free(shrunk);
            }
        }

        heap.Verify();
    }

    [Fact]
    public void A_heap_cannot_be_disposed_while_it_has_hooks()
    {
        NativeHeap heap = new(new NativeHeapOptions { Name = "hooked" });
        HeapHooks hooks = heap.CreateHooks();
        HeapHooks more = heap.CreateHooks();
        void* block = hooks.Malloc(100);

        foreach (HeapHooks each in (HeapHooks[])[hooks, more])
        {
            Assert.Contains("'hooked'", Assert.Throws<InvalidOperationException>(heap.Dispose).Message, StringComparison.Ordinal);
            Assert.False(heap.IsDisposed);
            more.OpaqueFree(more.Opaque, more.OpaqueAlloc(more.Opaque, 100));
            Assert.Equal(1, heap.GetStatistics().LiveBlocks);
            heap.Verify();
            each.Dispose();
            each.Dispose();
            if (each == hooks)
            {
                continue;
            }

            heap.Free(block);
            heap.Dispose();
        }

        Assert.True(heap.IsDisposed);
    }

    [Fact]
    public void A_traced_heap_cannot_be_disposed_while_its_manual_side_has_hooks()
    {
        TracedHeap heap = new();
        HeapHooks hooks = heap.Native.CreateHooks();

        Assert.Throws<InvalidOperationException>(heap.Dispose);
        Assert.False(heap.IsDisposed);
        hooks.OpaqueFree(hooks.Opaque, hooks.OpaqueAlloc(hooks.Opaque, 100));
        heap.Collect();
        heap.Verify();
        hooks.Dispose();
        heap.Dispose();
        Assert.True(heap.IsDisposed);
    }

    [Fact]
    public void A_heap_that_has_begun_to_end_gives_no_hooks_and_one_that_refused_to_end_does()
    {
        using NativeHeap heap = HeapMaker.New();
        HeapState state = heap.Core.State;
        state.AddHooks();
        Assert.Throws<InvalidOperationException>(state.EndHooks);
        state.AddHooks();
        state.RemoveHooks();
        state.RemoveHooks();

        state.EndHooks();

        Assert.Throws<ObjectDisposedException>(state.AddHooks);
        Assert.Throws<ObjectDisposedException>(() => heap.CreateHooks());
        state.EndHooks();
    }

    [Fact]
    public void A_forwarded_block_for_which_there_is_no_more_memory_stays_as_it_is()
    {
        using NativeHeap heap = new(new NativeHeapOptions { ForeignFree = ForeignFree.Forward });
        using HeapHooks hooks = heap.CreateHooks();
        void* foreign = NativeMemory.Alloc(100);
        new Span<byte>(foreign, 100).Fill(7);

        Assert.Equal(0, (nint)hooks.Realloc(foreign, nuint.MaxValue / 2));

        Assert.Equal(-1, new Span<byte>(foreign, 100).IndexOfAnyExcept((byte)7));
        hooks.Free(foreign);
    }

    [Fact]
    public void A_disposed_heap_gives_no_hooks_and_disposed_hooks_give_no_functions()
    {
        NativeHeap heap = HeapMaker.New();
        HeapHooks hooks = heap.CreateHooks();
        hooks.Dispose();
        Assert.Throws<ObjectDisposedException>(() => (nint)hooks.Opaque);
        Assert.Throws<ObjectDisposedException>(() => (nint)hooks.Malloc);
        Assert.Throws<ObjectDisposedException>(() => (nint)hooks.LuaAlloc);
        heap.Dispose();
        Assert.Throws<ObjectDisposedException>(() => heap.CreateHooks());
        Assert.Throws<ArgumentNullException>(() => HeapHooksExtensions.CreateHooks(null!));
    }

    [Fact]
    public void Functions_without_an_opaque_pointer_are_for_eight_heaps_and_the_next_says_so()
    {
        NativeHeap[] heaps = [.. Enumerable.Range(0, Sets + 1).Select(static i => new NativeHeap(new NativeHeapOptions { Name = $"number {i}" }))];
        HeapHooks[] hooks = [.. heaps.Select(static heap => heap.CreateHooks())];
        nint[] functions = [.. hooks.Take(Sets).Select(static each => (nint)each.Malloc)];
        Assert.Equal(Sets, functions.Distinct().Count());
        for (int i = 0; i < Sets; i++)
        {
            void* block = hooks[i].Malloc(100);
            Assert.True(heaps[i].Contains(block));
            hooks[i].Free(block);
        }

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => (nint)hooks[Sets].Malloc);
        Assert.Contains("'number 8'", error.Message, StringComparison.Ordinal);
        Assert.Contains("8 sets", error.Message, StringComparison.Ordinal);
        Assert.Contains("'number 0', 'number 1'", error.Message, StringComparison.Ordinal);
        Assert.True(hooks[Sets].OpaqueAlloc(hooks[Sets].Opaque, 100) != null);

        // All hooks of one heap share a set, and it is free again after the last of them.
        using (HeapHooks again = heaps[3].CreateHooks())
        {
            Assert.Equal(functions[3], (nint)again.Malloc);
            hooks[3].Dispose();
            Assert.Throws<InvalidOperationException>(() => (nint)hooks[Sets].Malloc);
        }

        Assert.Equal(functions[3], (nint)hooks[Sets].Malloc);
        Array.ForEach(hooks, static each => each.Dispose());
        Array.ForEach(heaps, static heap => heap.Dispose());
    }

    [Fact]
    public void Hooks_of_ten_thousand_heaps_in_turn_take_no_more_memory_than_a_few()
    {
        HashSet<nint> targets = [];
        using NativeHeap heap = HeapMaker.New();
        for (int i = 0; i < 10_000; i++)
        {
            using HeapHooks hooks = heap.CreateHooks();
            targets.Add((nint)hooks.Opaque);
        }

        Assert.InRange(targets.Count, 1, 300);
    }
}
