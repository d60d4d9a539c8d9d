using System.Runtime.InteropServices;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Checks;

/// <summary>With full checks freed blocks wait: in order but for a random share, within a budget, and each leaves once.</summary>
public sealed unsafe class FreedBlockQuarantineTests : IDisposable
{
    private const nuint Plenty = 1 << 30;

    private static readonly uint s_class = SizeClasses.Of(64);

    private readonly MetadataAllocator _metadata = new(new OsMemory());
    private readonly MisuseLog _misuse = new();
    private readonly List<nint> _memory = [];

    public void Dispose()
    {
        _metadata.Dispose();
        _memory.ForEach(static memory => NativeMemory.AlignedFree((void*)memory));
    }

    [Fact]
    public void Blocks_leave_when_as_many_came_after_them_and_none_before_half_of_these()
    {
        const int Capacity = 100;
        const int Blocks = 10_000;
        FreedBlockQuarantine quarantine = new(_metadata, _misuse, Plenty, Capacity, seed: 20_261_129);
        nint first = Poisoned(Blocks);
        int late = 0;
        long waited = 0;
        for (int i = 0; i < Blocks; i++)
        {
            Assert.True(quarantine.TryAdd(first + (i * 64), s_class, out nint leaving));
            Assert.Equal(i >= Capacity, leaving != 0);
            if (leaving != 0)
            {
                int wait = i - (int)((leaving - first) / 64);
                Assert.InRange(wait, Capacity / 2, int.MaxValue);
                late += wait != Capacity ? 1 : 0;
                waited += wait;
            }
        }

        // A quarter changes places, and what changed in comes out later: on average all wait as long.
        Assert.InRange(late, Blocks / 5, Blocks * 3 / 5);
        Assert.InRange(waited / (Blocks - Capacity), Capacity - 10, Capacity + 10);
        Assert.Equal(Capacity, Empty(quarantine).Count);
        Assert.Equal((0, 0), (quarantine.Bytes, _misuse.Total));
    }

    [Fact]
    public void The_seed_decides_which_leave()
    {
        nint first = Poisoned(500);
        List<nint> Leaving(ulong seed)
        {
            FreedBlockQuarantine quarantine = new(_metadata, _misuse, Plenty, 50, seed);
            List<nint> left = [];
            for (int i = 0; i < 500; i++)
            {
                quarantine.TryAdd(first + (i * 64), s_class, out nint leaving);
                left.Add(leaving);
            }

            return left;
        }

        Assert.Equal(Leaving(1), Leaving(1));
        Assert.NotEqual(Leaving(1), Leaving(2));
    }

    [Fact]
    public void Bytes_stay_within_the_budget_and_what_is_too_large_for_it_passes_by()
    {
        const nuint Budget = 64 * 20;
        FreedBlockQuarantine quarantine = new(_metadata, _misuse, Budget, capacity: 1000, seed: 7);
        nint first = Poisoned(500);
        HashSet<nint> inside = [];
        for (int i = 0; i < 500; i++)
        {
            Assert.True(quarantine.TryAdd(first + (i * 64), s_class, out nint leaving));
            Assert.Equal(0, leaving);
            inside.Add(first + (i * 64));
            while ((leaving = quarantine.TakeOverdue()) != 0)
            {
                Assert.True(inside.Remove(leaving));
            }

            Assert.Equal((inside.Count * 64L, Math.Min(i + 1, 20)), (quarantine.Bytes, inside.Count));
        }

        Assert.False(quarantine.TryAdd(first, SizeClasses.Of(128), out _));
        Assert.False(quarantine.TryAdd(first, SizeClasses.None, out _));
        Assert.True(inside.SetEquals(Empty(quarantine)));
    }

    [Fact]
    public void A_write_is_reported_once_when_the_block_leaves_and_the_block_is_as_it_should_be()
    {
        FreedBlockQuarantine quarantine = new(_metadata, _misuse, Plenty, capacity: 10, seed: 7);
        nint block = Poisoned(1);
        quarantine.TryAdd(block, s_class, out _);
        *(byte*)(block + 63) = 0;
        Assert.Equal(block, quarantine.FindDamaged());
        Assert.Equal(0, _misuse.Total);
        Assert.Equal([block], Empty(quarantine));
        Assert.Equal((block, MisuseKind.WriteAfterFree), Assert.Single(_misuse.Take()));
        Assert.Equal(0, FreePoison.FindDamage(block, 64));
    }

    [Fact]
    public void Without_memory_for_the_ring_blocks_pass_by()
    {
        OsMemory os = new();
        os.FailAfter(0);
        using MetadataAllocator none = new(os);
        FreedBlockQuarantine quarantine = new(none, _misuse, Plenty, capacity: 10, seed: 7);
        Assert.False(quarantine.TryAdd(Poisoned(1), s_class, out _));
        os.FailAfter(-1);
        Assert.True(quarantine.TryAdd(Poisoned(1), s_class, out _));
    }

    [Fact]
    public void Of_many_threads_blocks_each_leaves_once()
    {
        const int Threads = 8;
        const int Blocks = 20_000;
        FreedBlockQuarantine quarantine = new(_metadata, _misuse, 64 * 300, capacity: 400, seed: 7);
        nint first = Poisoned(Threads * Blocks);
        List<nint>[] left = new List<nint>[Threads];
        StressThreads.Run(Threads, number =>
        {
            List<nint> mine = left[number] = [];
            for (int i = 0; i < Blocks; i++)
            {
                quarantine.TryAdd(first + (((number * Blocks) + i) * 64), s_class, out nint leaving);
                for (; leaving != 0 || (leaving = quarantine.TakeOverdue()) != 0; leaving = 0)
                {
                    mine.Add(leaving);
                }

                if (i % 5000 == 0)
                {
                    mine.AddRange(Empty(quarantine));
                }
            }
        });

        List<nint> all = [.. left.SelectMany(static each => each), .. Empty(quarantine)];
        Assert.Equal(Threads * Blocks, all.Count);
        Assert.Equal(Threads * Blocks, all.Distinct().Count());
        Assert.Equal((0, 0), (quarantine.Bytes, _misuse.Total));
    }

    [Fact]
    public void A_block_that_waits_cannot_be_freed_again_and_every_inspection_finds_it_free()
    {
        using NativeHeap heap = Checked();
        void* block = heap.Alloc(16);
        heap.Free(block);
        Assert.Equal(MisuseKind.DoubleFree, Assert.Throws<HeapCorruptionException>(() => heap.Free(block)).Kind);
        Assert.Equal(MisuseKind.DoubleFree, Assert.Throws<HeapCorruptionException>(() => heap.Realloc(block, 100)).Kind);
        Assert.False(heap.Contains(block));
        HeapStatistics statistics = heap.GetStatistics();
        Assert.Equal((0, 0), (statistics.LiveBlocks, statistics.LiveBytes));
        Assert.Equal(32, heap.Core.Quarantine!.Bytes);
        heap.Verify();
    }

    [Fact]
    public void Trim_empties_it()
    {
        using NativeHeap heap = Checked();
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 1000, 1000));
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 10, 100_000));
        Assert.InRange(heap.Core.Quarantine!.Bytes, 1_000_000, 4 << 20);
        heap.Trim();
        Assert.Equal(0, heap.Core.Quarantine.Bytes);
        Assert.Equal(0, heap.GetStatistics().PagesInUse);
        heap.Verify();
    }

    [Fact]
    public void A_heap_at_its_limit_has_all_of_it_for_blocks_again()
    {
        const int Limit = 16 << 20;
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, Checks = HeapChecks.Full, MemoryLimit = Limit, ScavengeDelay = Timeout.InfiniteTimeSpan });
        int most = 0;
        for (int round = 0; round < 4; round++)
        {
            List<nint> blocks = [];
            try
            {
                while (true)
                {
                    blocks.Add((nint)heap.Alloc(round % 2 == 0 ? 20_000u : 50_000u));
                }
            }
            catch (OutOfMemoryException)
            {
                most = Math.Max(most, blocks.Count);
                Assert.Equal(0, heap.Core.Quarantine!.Bytes);
            }

            Assert.InRange((long)blocks.Count * (round % 2 == 0 ? 20_000 : 50_000), Limit / 2, Limit);
            StressHeap.FreeAll(heap, [.. blocks]);
            Assert.InRange(heap.Core.Quarantine!.Bytes, 1, Limit / 8);
        }
    }

    [Fact]
    public void A_write_that_nothing_else_has_found_is_reported_when_the_heap_goes()
    {
        List<HeapMisuseEventArgs> found = [];
        NativeHeap heap = Checked();
        heap.MisuseFound += (_, misuse) =>
        {
            lock (found)
            {
                found.Add(misuse);
            }
        };
        byte* block = (byte*)heap.Alloc(16);
        heap.Free(block);
        block[3] = 1;
        heap.Dispose();
        StressWait.Until(
            () =>
            {
                lock (found)
                {
                    return found.Count > 0;
                }
            },
            static () => "nothing was reported");
        Assert.Equal(((nint)block, MisuseKind.WriteAfterFree), (found[0].Address, found[0].Kind));
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(1 << 20, 0)]
    public void Without_a_budget_nothing_waits(int bytes, int blocks)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, Checks = HeapChecks.Full, QuarantineBytes = (nuint)bytes, QuarantineBlocks = blocks });
        Assert.Null(heap.Core.Quarantine);
        void* block = heap.Alloc(16);
        heap.Free(block);
        Assert.Equal((nint)block, (nint)heap.Alloc(16));
    }

    private static NativeHeap Checked() =>
        new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, Checks = HeapChecks.Full, ScavengeDelay = Timeout.InfiniteTimeSpan });

    private static List<nint> Empty(FreedBlockQuarantine quarantine)
    {
        List<nint> left = [];
        int place = 0;
        for (nint block = quarantine.TakeNext(ref place); block != 0; block = quarantine.TakeNext(ref place))
        {
            left.Add(block);
        }

        return left;
    }

    private nint Poisoned(int blocks)
    {
        nint memory = (nint)NativeMemory.AlignedAlloc((nuint)blocks * 64, 64);
        _memory.Add(memory);
        FreePoison.Fill(memory, (nuint)blocks * 64);
        return memory;
    }
}
