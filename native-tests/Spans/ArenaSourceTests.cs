using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Spans;

public sealed unsafe class ArenaSourceTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Growing_adds_no_arena_where_a_free_run_has_come_up_since_the_caller_looked()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Free(heap.Alloc(16));
        ArenaSource arenas = heap.Core.Arenas;
        for (int i = 0; i < 100; i++)
        {
            Assert.True(arenas.TryGrow(count: 1000, alignment: 1));
        }

        Assert.Equal(1, heap.Core.Pages.ArenaCount);
    }

    [Fact]
    public void Growing_adds_an_arena_where_no_free_run_is_long_enough()
    {
        using NativeHeap heap = StressHeap.Still();
        void* block = heap.Alloc(40 * MiB);
        ArenaSource arenas = heap.Core.Arenas;
        Assert.Equal(PageRefusal.NoRun, heap.Core.Limit.TryAllocate(40 * MiB >> PageGeometry.PageShift, 1, room: 0, out _));
        Assert.True(arenas.TryGrow(40 * MiB >> PageGeometry.PageShift, alignment: 1));
        Assert.True(heap.Core.Pages.ArenaCount > 1);
        heap.Free(block);
        heap.Verify();
    }

    [Fact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void A_refusal_says_whether_the_limit_or_a_free_run_was_lacking()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: 16 * MiB);
        heap.Free(heap.Alloc(16));
        Assert.Equal(PageRefusal.Limit, heap.Core.Limit.TryAllocate(17 * MiB >> PageGeometry.PageShift, 1, room: 0, out _));
        Assert.Equal(PageRefusal.None, heap.Core.Limit.TryAllocate(8 * MiB >> PageGeometry.PageShift, 1, room: 0, out PageRun run));
        Assert.Equal(PageRefusal.Limit, heap.Core.Limit.TryAllocate(8 * MiB >> PageGeometry.PageShift, 1, room: 0, out _));
        heap.Core.Pages.Free(run.Address, run.Pages);
        heap.Verify();
    }

    [Theory]
    [InlineData(20_000)]
    [InlineData(200_000)]
    [InlineData(3 * MiB)]
    public void A_limited_heap_that_is_refused_again_and_again_adds_no_arenas(int size)
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: 12 * MiB);
        StressThreads.Run(4, number =>
        {
            StressRandom random = new((ulong)number);
            List<nint> blocks = [];
            for (int i = 0; i < 3000; i++)
            {
                try
                {
                    blocks.Add((nint)heap.Alloc((nuint)(size - random.Below(size / 2))));
                }
                catch (OutOfMemoryException)
                {
                    StressHeap.FreeAll(heap, blocks);
                    blocks.Clear();
                }
            }

            StressHeap.FreeAll(heap, blocks);
        });

        Assert.Equal(1, heap.Core.Pages.ArenaCount);
        heap.Verify();
    }

    [LinuxFact]
    public void Arenas_that_fell_empty_give_their_addresses_back_and_take_them_again()
    {
        const int Rounds = 3;
        using NativeHeap heap = StressHeap.Still();
        for (int round = 0; round < Rounds; round++)
        {
            nint[] blocks = AllocateFive(heap);
            Assert.Equal(5, heap.Core.Pages.ArenaCount);
            StressHeap.FreeAll(heap, blocks);
            heap.Trim();

            // Of the others the headers stay, a mebibyte each.
            Assert.Equal(1, heap.Core.Pages.ArenaCount);
            Assert.InRange(heap.Core.Arenas.ReservedBytes, (nuint)PageGeometry.ArenaSize, (nuint)PageGeometry.ArenaSize + (16 * MiB));
            heap.Verify();
        }

        // Now and then others have taken a place meanwhile.
        Assert.InRange(heap.Core.Os.Calls(OsCall.MapArena), 5, (5 * Rounds) - 4);
    }

    [LinuxFact]
    public void Addresses_of_an_arena_that_is_gone_are_not_the_heaps()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = AllocateFive(heap);
        StressHeap.FreeAll(heap, blocks);
        heap.Trim();

        Assert.Equal(1, blocks.Count(ArenaMap.Holds));
        nint gone = blocks.First(static block => !ArenaMap.Holds(block));
        Assert.False(heap.TryFindBlock((void*)gone, out _));
        Assert.Throws<HeapCorruptionException>(() => heap.UsableSize((void*)gone));
        Assert.Throws<HeapCorruptionException>(() => heap.Free((void*)gone));
        heap.Verify();
    }

    [LinuxFact]
    public void Where_the_system_takes_no_addresses_back_arenas_stay()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = AllocateFive(heap);
        StressHeap.FreeAll(heap, blocks);
        heap.Core.Os.FailAll(OsCall.ShrinkArena);
        heap.Trim();
        Assert.Equal(5, heap.Core.Pages.ArenaCount);
        heap.Verify();

        for (int i = 0; i < 5; i++)
        {
            byte* block = (byte*)heap.AllocZeroed(40 * MiB);
            for (int at = 0; at < 40 * MiB; at += 4096)
            {
                Assert.Equal(0, block[at]);
            }
        }

        Assert.Equal(5, heap.Core.Pages.ArenaCount);
        heap.Verify();
    }

    // Each takes an arena, and writes to it.
    private static nint[] AllocateFive(NativeHeap heap) => StressHeap.AllocateMany(heap, 5, 40 * MiB);
}
