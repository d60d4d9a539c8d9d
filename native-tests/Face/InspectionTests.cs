using SpanHeap.Spans;
using SpanHeap.Tests.Face.BadInput;
using SpanHeap.Tests.Face.Contract;
using SpanHeap.Tests.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face;

/// <summary>UsableSize, Contains and TryFindBlock.</summary>
public sealed unsafe class InspectionTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [MemberData(nameof(Sizes.All), MemberType = typeof(Sizes))]
    public void The_usable_size_is_what_was_asked_for_or_more_and_can_be_used(int size)
    {
        foreach (HeapChecks checks in Enum.GetValues<HeapChecks>())
        {
            using NativeHeap heap = HeapMaker.New(checks);
            void* before = heap.Alloc((nuint)size);
            void* block = heap.Alloc((nuint)size);
            void* after = heap.Alloc((nuint)size);
            nuint usable = heap.UsableSize(block);
            Assert.True(usable >= (nuint)size);
            Pattern.Write(before, heap.UsableSize(before), 1);
            Pattern.Write(after, heap.UsableSize(after), 2);
            Pattern.Write(block, usable, 3);
            Pattern.AssertKept(before, heap.UsableSize(before), heap.UsableSize(before), 1);
            Pattern.AssertKept(after, heap.UsableSize(after), heap.UsableSize(after), 2);
        }
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    [Unguarded("guarded blocks have the size that was asked for, and stay known")]
    public void A_small_block_has_the_size_of_its_class_or_with_full_checks_its_own(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        for (nuint size = 0; size <= 4096; size++)
        {
            void* block = heap.Alloc(size);
            uint expected = checks == HeapChecks.Full ? (uint)size : SizeClasses.Info(SizeClasses.Of(size)).Size;
            Assert.Equal((size, expected), (size, (uint)heap.UsableSize(block)));
            heap.Free(block);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes.All), MemberType = typeof(Sizes))]
    [Unguarded("guarded blocks have the size that was asked for, and stay known")]
    public void A_block_is_found_from_any_address_inside_it(int size)
    {
        foreach (HeapChecks checks in Enum.GetValues<HeapChecks>())
        {
            using NativeHeap heap = HeapMaker.New(checks);
            heap.Alloc((nuint)size);
            nint block = (nint)heap.Alloc((nuint)size);
            nint usable = (nint)heap.UsableSize((void*)block);
            BlockState state = checks == HeapChecks.Full || size > 64 * MiB ? BlockState.Allocated : BlockState.AllocatedOrCached;
            Assert.True(heap.TryFindBlock((void*)block, out BlockInfo first));
            Assert.Equal((block, (nuint)usable, state), (first.Address, first.Size, first.State));
            Assert.Equal(size + (checks == HeapChecks.Full ? 8 : 0) > 4 * MiB, first.SizeClass == 0);
            for (nint offset = 0; offset < usable; offset += Math.Max(1, Math.Min(usable - 1 - offset, Math.Max(1, usable / 500))))
            {
                Assert.True(heap.TryFindBlock((void*)(block + offset), out BlockInfo found));
                Assert.Equal(first, found);
                Assert.True(heap.Contains((void*)(block + offset)));
            }
        }
    }

    [Theory]
    [CombinedChecks(16, 1000, 40_000, 5 * MiB, 80 * MiB)]
    [Unguarded("guarded blocks have the size that was asked for, and stay known")]
    public void A_freed_block_is_not_contained_once_its_memory_went_back(HeapChecks checks, int size)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        heap.Trim();
        Assert.False(heap.Contains((void*)block));
        Assert.False(heap.TryFindBlock((void*)block, out BlockInfo found));
        Assert.Equal(default, found);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(1000)]
    [InlineData(40_000)]
    public void With_full_checks_a_freed_block_is_free_at_once(int size)
    {
        using NativeHeap heap = HeapMaker.NewUsed(HeapChecks.Full);
        heap.Alloc((nuint)size);
        nint block = (nint)heap.Alloc((nuint)size);
        heap.Free((void*)block);
        Assert.True(heap.TryFindBlock((void*)block, out BlockInfo found));
        Assert.Equal((block, BlockState.Free), (found.Address, found.State));
        Assert.False(heap.Contains((void*)block));
    }

    [Fact]
    [Unguarded("guarded blocks have the size that was asked for, and stay known")]
    public void With_standard_checks_a_slot_never_taken_is_free()
    {
        using NativeHeap heap = HeapMaker.New();
        nint block = (nint)heap.Alloc(64);
        nint last = (block & -8192) + 8192 - 64;
        Assert.True(heap.TryFindBlock((void*)last, out BlockInfo found));
        Assert.Equal(BlockState.Free, found.State);
        Assert.False(heap.Contains((void*)last));
    }

    [Fact]
    [Unguarded("guarded blocks have the size that was asked for, and stay known")]
    public void Behind_the_last_block_of_a_span_is_no_block()
    {
        using NativeHeap heap = HeapMaker.New();
        nint block = (nint)heap.Alloc(SpanShape.SizeWithTail());
        SpanShape shape = SpanShape.Of(block);
        Assert.False(heap.TryFindBlock((void*)shape.PastLast, out _));
        Assert.True(heap.TryFindBlock((void*)(shape.PastLast - 1), out _));
    }

    [Fact]
    public void Any_address_may_be_asked_for()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Alloc(100);
        int local = 0;
        foreach (nint address in new nint[] { 0, 1, -1, nint.MinValue, nint.MaxValue, (nint)(&local), (nint)1 << 47, (nint)1 << 48 })
        {
            Assert.False(heap.TryFindBlock((void*)address, out _));
            Assert.False(heap.Contains((void*)address));
        }
    }

    [Fact]
    public void Blocks_may_be_looked_up_while_other_threads_allocate_and_free()
    {
        using NativeHeap heap = HeapMaker.New(delay: TimeSpan.FromMilliseconds(5));
        nint kept = (nint)heap.Alloc(100);
        nint arena = kept & -SpanHeap.Pages.PageGeometry.ArenaSize;
        bool stop = false;
        Thread busy = new(() =>
        {
            Random random = new(1);
            while (!Volatile.Read(ref stop))
            {
                nint[] blocks = [.. Enumerable.Range(0, 200).Select(_ => (nint)heap.Alloc((nuint)random.Next(100_000)))];
                Array.ForEach(blocks, block => heap.Free((void*)block));
            }
        });
        busy.Start();
        Random addresses = new(2);
        for (int i = 0; i < 200_000; i++)
        {
            void* address = (void*)(arena + addresses.NextInt64(32 * MiB));
            if (heap.TryFindBlock(address, out BlockInfo found))
            {
                Assert.True(found.SizeClass >= 0);
            }
        }

        Assert.True(heap.Contains((void*)kept));
        Volatile.Write(ref stop, true);
        busy.Join();
        heap.Verify();
    }
}
