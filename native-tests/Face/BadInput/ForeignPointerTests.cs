using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

public sealed unsafe class ForeignPointerTests
{
    [Theory]
    [CombinedChecks]
    public void Free_of_a_stack_address_throws_and_changes_nothing(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        long local = 0;
        Misuse.AssertRefused(heap, (nint)(&local), MisuseKind.ForeignPointer);
    }

    [Theory]
    [CombinedChecks]
    public void Free_of_a_managed_address_throws_and_changes_nothing(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        byte[] managed = GC.AllocateArray<byte>(100, pinned: true);
        Misuse.AssertRefused(heap, Marshal.UnsafeAddrOfPinnedArrayElement(managed, 0), MisuseKind.ForeignPointer);
    }

    [Theory]
    [CombinedChecks]
    public void Free_of_a_platform_block_throws_and_changes_nothing(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        foreach (nuint size in new nuint[] { 16, 100_000, 100 << 20 })
        {
            nint block = (nint)NativeMemory.Alloc(size);
            Misuse.AssertRefused(heap, block, MisuseKind.ForeignPointer);
            NativeMemory.Free((void*)block);
        }
    }

    [Theory]
    [InlineData(1L)]
    [InlineData(8L)]
    [InlineData(-1L)]
    [InlineData(-16L)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 47)]
    [InlineData(1L << 48)]
    [InlineData((1L << 46) + 8)]
    public void Free_of_an_address_that_belongs_to_nothing_throws_and_changes_nothing(long address)
    {
        using NativeHeap heap = HeapMaker.New();
        Misuse.AssertRefused(heap, (nint)address, MisuseKind.ForeignPointer);
    }

    [Theory]
    [CombinedChecks]
    public void Free_of_an_address_in_a_page_never_used_throws_and_changes_nothing(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        nint block = (nint)heap.Alloc(16);
        nint arena = block & -PageGeometry.ArenaSize;
        Misuse.AssertRefused(heap, arena + PageGeometry.ArenaSize - 8, MisuseKind.FreePage);
        heap.Free((void*)block);
    }

    [Theory]
    [CombinedChecks]
    public void A_thread_that_never_used_the_heap_is_refused_likewise(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        using NativeHeap other = HeapMaker.New();
        nint freePage = ((nint)heap.Alloc(16) & -PageGeometry.ArenaSize) + PageGeometry.ArenaSize - 8;
        nint othersFreePage = ((nint)other.Alloc(16) & -PageGeometry.ArenaSize) + PageGeometry.ArenaSize - 8;
        StressThreads.RunOne(() => Misuse.AssertFreeRefused(heap, freePage, MisuseKind.FreePage));
        StressThreads.RunOne(() => Misuse.AssertFreeRefused(heap, othersFreePage, MisuseKind.OtherHeap));
    }

    [Theory]
    [CombinedChecks]
    public void Free_of_an_address_in_an_arenas_header_throws_and_changes_nothing(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks);
        nint block = (nint)heap.Alloc(16);
        nint arena = block & -PageGeometry.ArenaSize;
        Misuse.AssertRefused(heap, arena, MisuseKind.FreePage);
        Misuse.AssertRefused(heap, arena + 65_536, MisuseKind.FreePage);
        heap.Free((void*)block);
    }

    [Fact]
    public void Null_may_be_freed_and_is_no_block()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(null);
        heap.AlignedFree(null);
        heap.GetLocal().Free(null);
        Assert.Throws<HeapCorruptionException>(() => { heap.UsableSize(null); });
        Assert.False(heap.Contains(null));
        Assert.False(heap.TryFindBlock(null, out _));
    }

    [Fact]
    public void SpanMemory_refuses_foreign_pointers_too()
    {
        nint block = (nint)NativeMemory.Alloc(100);
        Assert.Equal(MisuseKind.ForeignPointer, Assert.Throws<HeapCorruptionException>(() => SpanMemory.Free((void*)block)).Kind);
        Assert.Equal(MisuseKind.ForeignPointer, Assert.Throws<HeapCorruptionException>(() => SpanMemory.AlignedFree((void*)block)).Kind);
        Assert.Equal(MisuseKind.ForeignPointer, Assert.Throws<HeapCorruptionException>(() => { SpanMemory.Realloc((void*)block, 200); }).Kind);
        NativeMemory.Free((void*)block);
    }

    [Theory]
    [CombinedChecks]
    public void Forward_gives_platform_blocks_back_to_the_platform(HeapChecks checks)
    {
        const int Rounds = 2000;
        using NativeHeap heap = HeapMaker.New(checks, ForeignFree.Forward);
        HashSet<nint> addresses = [];
        for (int i = 0; i < Rounds; i++)
        {
            nint block = (nint)NativeMemory.Alloc(1 << 20);
            addresses.Add(block);
            heap.Free((void*)block);
        }

        // A platform that got them back gives them out again.
        Assert.True(addresses.Count < Rounds / 2, $"{addresses.Count} addresses in {Rounds} rounds");
        Misuse.AssertGoesOn(heap);
    }

    [Fact]
    public void Forward_resizes_platform_blocks_at_the_platform()
    {
        using NativeHeap heap = HeapMaker.New(foreign: ForeignFree.Forward);
        byte* block = (byte*)NativeMemory.Alloc(10);
        new Span<byte>(block, 10).Fill(7);
        block = (byte*)heap.Realloc(block, 100_000);
        Assert.Equal(-1, new Span<byte>(block, 10).IndexOfAnyExcept((byte)7));
        Assert.False(heap.Contains(block));
        NativeMemory.Free(block);
        Misuse.AssertGoesOn(heap);
    }

    [Fact]
    public void Forward_is_for_memory_that_is_foreign_to_all_heaps_only()
    {
        using NativeHeap heap = HeapMaker.New(foreign: ForeignFree.Forward);
        using NativeHeap other = HeapMaker.New();
        Misuse.AssertRefused(heap, (nint)other.Alloc(100), MisuseKind.OtherHeap);
        Misuse.AssertRefused(heap, (nint)other.Alloc(100 << 20), MisuseKind.OtherHeap);
        nint huge = (nint)heap.Alloc(100 << 20);
        Misuse.AssertRefused(heap, huge + 16, MisuseKind.InteriorPointer);
        Misuse.AssertRefused(heap, ((nint)heap.Alloc(1) | (PageGeometry.ArenaSize - 1)) - 7, MisuseKind.FreePage);
    }
}
