using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

public sealed unsafe class DisposedHeapTests
{
    private readonly NativeHeap _heap = HeapMaker.New();
    private readonly nint _block;

    public DisposedHeapTests()
    {
        _block = (nint)_heap.Alloc(100);
        _heap.Alloc(80 << 20);
    }

    [Fact]
    public void Every_method_says_that_the_heap_is_disposed_and_names_it()
    {
        _heap.Dispose();
        Action[] calls =
        [
            () => _heap.Alloc(1), () => _heap.Alloc(100_000), () => _heap.Alloc(80 << 20), () => _heap.Alloc(1, 2), () => _heap.Alloc<int>(3),
            () => _heap.AllocZeroed(1), () => _heap.AllocZeroed(1, 2), () => _heap.AllocZeroed<int>(3),
            () => _heap.AlignedAlloc(1, 64), () => _heap.AlignedAlloc(1, 1 << 27),
            () => _heap.Realloc(null, 1), () => _heap.Realloc((void*)_block, 1), () => _heap.Realloc((int*)_block, 1),
            () => _heap.AlignedRealloc((void*)_block, 1, 16),
            () => _heap.TryAlloc(1), () => _heap.TryAlloc(100_000), () => _heap.TryAlignedAlloc(1, 64), () => _heap.TryRealloc(null, 1), () => _heap.TryRealloc((void*)_block, 1),
            () => _heap.Alloc<int>((nuint)3), () => _heap.AllocZeroed<int>((nuint)3), () => _heap.Realloc((int*)_block, (nuint)1), () => _heap.GoodSize(1),
            () => _heap.Free((void*)_block), () => _heap.AlignedFree((void*)_block),
            () => _heap.UsableSize((void*)_block), () => _heap.Contains((void*)_block), () => _heap.TryFindBlock((void*)_block, out _),
            () => _heap.GetStatistics(), () => _heap.Trim(), () => _heap.Verify(), () => _heap.GetLocal(),
        ];
        Assert.All(calls, call => Assert.Contains(_heap.Name, Assert.Throws<ObjectDisposedException>(call).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_thread_that_has_used_other_heaps_and_never_this_one_gets_the_exception_too()
    {
        NativeHeap earlier = HeapMaker.New();
        using NativeHeap later = HeapMaker.New();

        // The thread's table has a place for the number of the earlier heap now, with nothing in it.
        nint block = (nint)later.Alloc(16);
        earlier.Dispose();
        Action[] calls =
        [
            () => earlier.Alloc(16), () => earlier.AllocZeroed(16), () => earlier.AlignedAlloc(16, 64), () => earlier.Alloc(100_000),
            () => earlier.Realloc(null, 16), () => earlier.Free((void*)block), () => earlier.AlignedFree((void*)block),
            () => earlier.GetLocal(), () => earlier.GetLocal().Alloc(16),
        ];
        Assert.All(calls, call => Assert.Contains(earlier.Name, Assert.Throws<ObjectDisposedException>(call).Message, StringComparison.Ordinal));
        later.Free((void*)block);
        later.Verify();
    }

    [Fact]
    public void A_local_handle_says_that_the_heap_is_disposed()
    {
        LocalHeap local = _heap.GetLocal();
        local.Free(local.Alloc(16));
        _heap.Dispose();
        int thrown = 0;
        for (int call = 0; call < 7; call++)
        {
            try
            {
                _ = call switch
                {
                    0 => local.Alloc(16),
                    1 => local.AllocZeroed(16),
                    2 => local.AlignedAlloc(16, 64),
                    3 => local.Realloc((void*)_block, 16),
                    4 => local.Realloc(null, 16),
                    5 => local.Alloc(1 << 20),
                    _ => Free(local, _block),
                };
            }
            catch (ObjectDisposedException)
            {
                thrown++;
            }
        }

        Assert.Equal(7, thrown);
    }

    [Fact]
    public void A_local_handle_never_serves_a_later_heap_that_has_its_cache()
    {
        LocalHeap local = _heap.GetLocal();
        _heap.Dispose();
        using NativeHeap later = HeapMaker.New();
        void* block = later.Alloc(16);
        later.Free(block);
        bool thrown = false;
        try
        {
            local.Alloc(16);
        }
        catch (ObjectDisposedException)
        {
            thrown = true;
        }

        Assert.True(thrown);
        later.Verify();
    }

    [Fact]
    public void A_disposed_heap_does_not_take_blocks_of_a_later_one()
    {
        for (int round = 0; round < 50; round++)
        {
            // The cache that this thread had in the earlier heap is another thread's in the later one.
            NativeHeap earlier = HeapMaker.New();
            earlier.Free(earlier.Alloc(16));
            HeapMaker.OnOtherThread(() => earlier.Alloc(16));
            earlier.Dispose();
            using NativeHeap later = HeapMaker.New();
            nint block = 0;
            HeapMaker.OnOtherThread(() =>
            {
                later.Free(later.Alloc(16));
                block = (nint)later.Alloc(16);
            });
            Assert.Throws<ObjectDisposedException>(() => { earlier.Alloc(16); });
            Assert.Throws<ObjectDisposedException>(() => { earlier.AlignedAlloc(16, 16); });
            Assert.Throws<ObjectDisposedException>(() => earlier.Free((void*)block));
            later.Verify();
        }
    }

    [Fact]
    public void A_heap_may_be_disposed_twice_and_knows_it()
    {
        Assert.False(_heap.IsDisposed);
        _heap.Dispose();
        _heap.Dispose();
        Assert.True(_heap.IsDisposed);
        Assert.NotEmpty(_heap.Name);
    }

    [Fact]
    public void All_memory_goes_back_to_the_platform()
    {
        _heap.Dispose();
        SpanHeap.Os.OsMemory os = _heap.Core.Os;
        long requested = os.Calls(SpanHeap.Os.OsCall.ReserveArena) + os.Calls(SpanHeap.Os.OsCall.MapArena) + os.Calls(SpanHeap.Os.OsCall.AllocateHuge);
        Assert.True(os.Calls(SpanHeap.Os.OsCall.ReleaseArena) > requested, "arenas, huge blocks and records are freed");
        SpanHeap.Spans.HugeBlockTable.Count(_heap.Core.Serial, out nuint huge, out _);
        Assert.Equal((nuint)0, huge);
    }

    [Fact]
    public void A_block_of_a_disposed_heap_is_no_block_of_another()
    {
        using NativeHeap other = HeapMaker.New();
        _heap.Dispose();
        Assert.Throws<HeapCorruptionException>(() => other.Free((void*)_block));
        Misuse.AssertGoesOn(other);
    }

    [Fact]
    public void The_shared_heap_cannot_be_disposed()
    {
        Assert.Throws<InvalidOperationException>(NativeHeap.Shared.Dispose);
        Assert.False(NativeHeap.Shared.IsDisposed);
        SpanMemory.Free(SpanMemory.Alloc(10));
    }

    private static void* Free(LocalHeap local, nint block)
    {
        local.Free((void*)block);
        return null;
    }
}
