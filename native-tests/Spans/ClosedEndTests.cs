using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Spans;

/// <summary>What is free at the end of an arena can be read by no thread, so that no dump of the process has it, and serves again.</summary>
[Unguarded("guarded blocks have pages in quarantine, and their guards")]
public sealed unsafe class ClosedEndTests
{
    private const int MiB = 1 << 20;
    private const int Block = 20 * MiB;

    [LinuxFact]
    public void What_was_given_back_after_the_last_block_is_in_no_dump()
    {
        using NativeHeap heap = StressHeap.Still();
        void* kept = heap.Alloc(16);
        nint[] blocks = StressHeap.AllocateMany(heap, 9, Block);
        List<nint> arenas = [.. blocks.Select(ArenaHeader.ArenaOf).Distinct()];
        Assert.InRange(Readable(arenas), arenas.Count * PageGeometry.ArenaSize, long.MaxValue);

        StressHeap.FreeAll(heap, blocks);
        heap.Trim();

        // The addresses of the other arenas are the system's again, which may have given them to anyone.
        Assert.Equal(1, heap.Core.Pages.ArenaCount);
        Assert.InRange(Readable([ArenaHeader.ArenaOf((nint)kept)]), 1, 4 * MiB);
        heap.Verify();
        heap.Free(kept);
    }

    [LinuxFact]
    public void A_round_closes_ends_whose_arenas_it_leaves_and_figures_stay_as_they_are()
    {
        using NativeHeap heap = Closed(out List<nint> arenas);
        HeapStatistics closed = heap.GetStatistics();

        Assert.InRange(Readable(arenas), 1, arenas.Count * 4 * MiB);
        Assert.Equal(arenas.Count, closed.Arenas);
        PageGeometry geometry = heap.Core.Pages.Geometry;
        Assert.Equal(closed.Arenas * (geometry.PagesPerArena - geometry.HeaderPages), closed.PagesInUse + closed.PagesFree + closed.PagesGivenBack);
        heap.Verify();
    }

    [LinuxFact]
    public void Closed_ends_serve_again_zeroed_before_another_arena_does()
    {
        using NativeHeap heap = Closed(out List<nint> arenas);
        for (int round = 0; round < 3; round++)
        {
            nint[] blocks = [.. Enumerable.Range(0, 9).Select(_ => (nint)heap.AllocZeroed(Block))];
            foreach (nint block in blocks)
            {
                Assert.Equal(-1, new Span<byte>((void*)block, Block).IndexOfAnyExcept((byte)0));
            }

            Assert.Equal(arenas.Order(), blocks.Select(ArenaHeader.ArenaOf).Distinct().Order());
            heap.Verify();
            StressHeap.FreeAll(heap, blocks);
            Close(heap);
        }

        Assert.Equal(arenas.Count * PageGeometry.ArenaSize, (long)heap.Core.Arenas.ReservedBytes);
        heap.Trim();
        heap.Verify();
        Assert.Equal(1, heap.Core.Pages.ArenaCount);
    }

    [LinuxFact]
    public void An_older_arena_serves_before_a_younger_one_that_has_free_pages_below_a_block()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 6, Block);
        nint youngest = ArenaHeader.ArenaOf(blocks[^1]);
        StressHeap.FreeAll(heap, blocks[1..^1]);
        Close(heap);

        nint next = (nint)heap.Alloc(Block);

        Assert.NotEqual(youngest, ArenaHeader.ArenaOf(blocks[0]));
        Assert.Equal(ArenaHeader.ArenaOf(blocks[0]), ArenaHeader.ArenaOf(next));
        heap.Verify();
    }

    [LinuxFact]
    public void Where_the_system_refuses_to_close_ends_stay_open_and_where_it_refuses_to_open_another_arena_serves()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Core.Os.FailAll(OsCall.Fault);
        nint[] blocks = StressHeap.AllocateMany(heap, 3, Block);
        List<nint> arenas = [.. blocks.Select(ArenaHeader.ArenaOf).Distinct()];
        StressHeap.FreeAll(heap, blocks);
        Close(heap);
        Assert.Equal(arenas.Count * PageGeometry.ArenaSize, Readable(arenas));
        heap.Verify();

        heap.Core.Os.FailAll(OsCall.Unfault);
        Close(heap);
        Assert.InRange(Readable(arenas), 1, 4 * MiB * arenas.Count);
        nint other = (nint)heap.Alloc(Block);
        Assert.DoesNotContain(ArenaHeader.ArenaOf(other), arenas);
        heap.Verify();
        heap.Free((void*)other);
    }

    [LinuxFact]
    public void A_closed_end_serves_together_with_what_is_free_before_it()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Alloc(16);
        void* before = heap.Alloc(Block + (Block / 2));
        Close(heap);
        heap.Free(before);
        Assert.InRange(Readable([ArenaHeader.ArenaOf((nint)before)]), 1, 2 * Block);

        // Neither is long enough alone, and there is no other arena to be had.
        heap.Core.Os.LargestMap = 0;
        heap.Core.Os.FailAll(OsCall.ReserveArena);
        nint block = (nint)heap.Alloc((2 * Block) + (Block / 2));

        Assert.Equal((nint)before, block);
        heap.Verify();
    }

    [LinuxFact]
    public void A_block_before_a_closed_end_grows_where_it_is()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: 2 * Block);
        byte* block = (byte*)heap.Alloc(Block);
        block[Block - 1] = 7;
        Close(heap);

        // For another of that size the limit has no room.
        byte* grown = (byte*)heap.Realloc(block, Block + (Block / 2));

        Assert.Equal((nint)block, (nint)grown);
        Assert.Equal((7, 0), (grown[Block - 1], grown[Block + (Block / 2) - 1]));
        heap.Verify();
        Close(heap);
        heap.Verify();
    }

    [LinuxFact]
    public void What_was_read_while_an_end_was_open_is_in_memory_no_longer_than_that()
    {
        using NativeHeap heap = StressHeap.Still();
        void* kept = heap.Alloc(16);
        byte* end = (byte*)kept + (PageGeometry.ArenaSize / 2);
        long sum = 0;
        for (int at = 0; at < Block; at += 4096)
        {
            sum += Volatile.Read(ref end[at]);
        }

        Assert.Equal((0L, Block / 4096), (sum, ResidentPages(end)));
        Close(heap);

        Assert.Equal(0, Readable([(nint)end], Block));
        Assert.Equal(0, ResidentPages(end));
        heap.Verify();
        heap.Free(kept);
    }

    [LinuxFact]
    public void A_block_freed_twice_is_reported_as_before()
    {
        using NativeHeap heap = StressHeap.Still();
        void* kept = heap.Alloc(16);
        void* block = heap.Alloc(Block);
        heap.Free(block);
        MisuseKind? open = Assert.Throws<HeapCorruptionException>(() => heap.Free(block)).Kind;

        Close(heap);

        Assert.Equal(0, Readable([(nint)block], Block));
        Assert.Equal(open, Assert.Throws<HeapCorruptionException>(() => heap.Free(block)).Kind);
        heap.Free(kept);
    }

    // A heap with a small block, and nothing else but what was given back.
    private static NativeHeap Closed(out List<nint> arenas)
    {
        NativeHeap heap = StressHeap.Still();
        heap.Alloc(16);
        nint[] blocks = StressHeap.AllocateMany(heap, 9, Block);
        arenas = [.. blocks.Select(ArenaHeader.ArenaOf).Distinct()];
        StressHeap.FreeAll(heap, blocks);
        Close(heap);
        return heap;
    }

    // As rounds do: memory goes first, then the addresses that are idle, which these are not yet.
    private static void Close(NativeHeap heap)
    {
        nint from = 0;
        while (heap.Core.PageScavenger.Scavenge(ref from, agedOnly: false))
        {
        }

        heap.Core.Arenas.GiveBackFree(idleOnly: true);
    }

    // The page map of the process also covers pages that no thread may read, for which an emulator refuses mincore.
    private static int ResidentPages(byte* start)
    {
        const ulong Present = 1UL << 63;
        ulong[] pages = new ulong[Block / 4096];
        using FileStream map = File.OpenRead("/proc/self/pagemap");
        map.Seek((nint)start / 4096 * sizeof(ulong), SeekOrigin.Begin);
        map.ReadExactly(MemoryMarshal.AsBytes(pages.AsSpan()));
        return pages.Count(static page => (page & Present) != 0);
    }

    private static long Readable(List<nint> arenas) => Readable(arenas, PageGeometry.ArenaSize);

    // How many bytes of the ranges a dump would have.
    private static long Readable(List<nint> starts, long bytes) => starts.Sum(start => ReadablePages.CountBytes(start, bytes));
}
