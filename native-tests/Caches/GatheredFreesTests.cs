using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>A thread gathers small blocks of other threads without a lock, and loses none of them.</summary>
[Collection(WholeProcess.Name)]
[Unguarded("guarded blocks do not pass through a cache")]
public sealed unsafe class GatheredFreesTests
{
    private const int Size = 64;

    // The stack of a thread sends what it has gathered when it holds this many blocks.
    private const int Full = Magazine.Capacity;

    [Fact]
    public void Small_blocks_of_others_are_gathered_on_a_stack_of_the_freeing_thread()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, 10, Size);
        ThreadCache* own = StressHeap.CacheOf(heap);
        Assert.Equal(10, own->Gathered.Count);
        Assert.Equal(0u, own->OutboxUsedAt);
        Assert.Equal((0L, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
        heap.Verify();
    }

    [Fact]
    public void A_stack_that_is_full_of_blocks_of_one_owner_is_sent_without_the_outbox()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, Full, Size);
        ThreadCache* own = StressHeap.CacheOf(heap);
        Assert.Equal((0, 0u), (own->Gathered.Count, own->OutboxUsedAt));
        owner.Do(() => Assert.Equal(1, StressHeap.CacheOf(heap)->InboxCount));
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Blocks_of_several_owners_and_classes_are_sorted()
    {
        const int Owners = 3;
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] owners = [.. Enumerable.Range(0, Owners).Select(static _ => new StressWorker())];
        for (int i = 0; i < Full / Owners; i++)
        {
            Array.ForEach(owners, owner => Free(heap, owner, 1, Size + (16 * (i % 5))));
        }

        ThreadCache* own = StressHeap.CacheOf(heap);
        Assert.Equal((0, Full), (own->Gathered.Count, CountInOutbox(own)));
        heap.Trim();
        Assert.Equal((0L, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
        Array.ForEach(owners, static owner => owner.Dispose());
        heap.Verify();
    }

    [Theory]
    [InlineData(1024, 1)]
    [InlineData(1025, 0)]
    public void Only_blocks_up_to_a_kibibyte_are_gathered(int size, int gathered)
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, 1, size);
        Assert.Equal(gathered, StressHeap.CacheOf(heap)->Gathered.Count);
        Assert.Equal(1024u, SizeClasses.Info(SizeClasses.LastGathered).Size);
    }

    [Theory]
    [InlineData(HeapChecks.Standard, 64 << 20)]
    [InlineData(HeapChecks.Full, 0)]
    public void A_heap_with_a_limit_or_with_full_checks_gathers_nothing(HeapChecks checks, int limit)
    {
        using NativeHeap heap = StressHeap.Still(checks, (nuint)limit);
        using StressWorker owner = new();
        Free(heap, owner, 10, Size);
        Assert.False(StressHeap.CacheOf(heap)->Gathered.IsOpen);
    }

    [Fact]
    public void A_block_of_the_own_cache_that_has_no_class_is_not_taken_for_one_of_others()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, 1, Size);
        void* large = heap.Alloc(SizeClasses.MaxClassSize + 1);
        heap.Free(large);
        Assert.Equal(1, StressHeap.CacheOf(heap)->Gathered.Count);
        Assert.Throws<HeapCorruptionException>(() => heap.Free(large));
    }

    [Fact]
    public void Blocks_of_another_heap_are_refused_when_they_are_freed()
    {
        using NativeHeap heap = StressHeap.Still();
        using NativeHeap other = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, 1, Size);
        void* block = other.Alloc(Size);
        Assert.Throws<HeapCorruptionException>(() => heap.Free(block));
        Assert.Equal(1, StressHeap.CacheOf(heap)->Gathered.Count);
        other.Free(block);
    }

    [Fact]
    public void What_a_thread_has_gathered_goes_back_when_it_ends()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 10, Size);
        using (StressWorker other = new())
        {
            other.Do(() => StressHeap.FreeAll(heap, blocks));
        }

        StressHeap.WaitForOrphans(heap, 1);
        AssertEmptyAfterTrim(heap);
    }

    [Fact]
    public void What_a_thread_has_gathered_goes_back_while_it_goes_on()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 30, Size);
        using ManualResetEventSlim freed = new();
        bool goesOn = false;
        Thread thread = new(() =>
        {
            StressHeap.FreeAll(heap, blocks[..20]);
            freed.Set();
            while (!Volatile.Read(ref goesOn))
            {
                Thread.SpinWait(100);
            }

            StressHeap.FreeAll(heap, blocks[20..]);
        });
        thread.Start();
        freed.Wait();
        AssertEmptyAfterTrim(heap, live: 10);
        Volatile.Write(ref goesOn, true);
        thread.Join();
        StressHeap.WaitForOrphans(heap, 1);
        AssertEmptyAfterTrim(heap);
    }

    [Fact]
    public void A_round_takes_what_has_waited_since_the_round_before()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, 10, Size);
        ThreadCache* own = StressHeap.CacheOf(heap);
        Assert.Equal((true, 10), (heap.Core.Caches.FlushOutbox(own, idleOnly: true), own->Gathered.Count));
        Free(heap, owner, 1, Size);
        Assert.Equal((true, 11), (heap.Core.Caches.FlushOutbox(own, idleOnly: true), own->Gathered.Count));
        heap.Core.Caches.FlushOutbox(own, idleOnly: true);
        Assert.Equal((0, 11), (own->Gathered.Count, CountInOutbox(own)));
        heap.Verify();
    }

    [Fact]
    public void A_thread_whose_blocks_are_taken_again_and_again_loses_none()
    {
        const int Blocks = 200_000;
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, Blocks, Size);
        using StressWorker other = new();
        nint cache = 0;
        other.Do(() =>
        {
            heap.Free((void*)blocks[0]);
            cache = (nint)StressHeap.CacheOf(heap);
        });
        bool ends = false;
        Thread takes = new(() =>
        {
            while (!Volatile.Read(ref ends))
            {
                heap.Core.Caches.FlushOutbox((ThreadCache*)cache, idleOnly: false);
            }
        });
        takes.Start();
        other.Do(() => StressHeap.FreeAll(heap, blocks[1..]));
        Volatile.Write(ref ends, true);
        takes.Join();
        AssertEmptyAfterTrim(heap);
        Assert.Equal(0, heap.GetStatistics().MisuseCount);
    }

    [Fact]
    public void Blocks_that_are_freed_twice_make_no_more_magazines()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        int magazines = 0;
        for (int round = 0; round < 50; round++)
        {
            nint twice = 0;
            owner.Do(() => twice = (nint)heap.Alloc(Size));
            heap.Free((void*)twice);
            owner.Do(() => heap.Free((void*)twice));
            owner.Do(heap.Trim);
            Free(heap, owner, Full - 1, Size);
            heap.Trim();
            magazines = round == 10 ? heap.GetStatistics().Magazines : magazines;
        }

        Assert.Equal(magazines, heap.GetStatistics().Magazines);
    }

    [PosixFact]
    public void What_a_thread_has_gathered_goes_back_while_it_waits()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 10, Size);
        using StressWorker other = new();
        other.Do(() => StressHeap.FreeAll(heap, blocks));
        StressWait.Until(() => other.IsAsleep, static () => "the thread does not go to sleep");
        AssertEmptyAfterTrim(heap);
    }

    [Fact]
    public void A_thread_that_has_gathered_something_is_one_that_rounds_look_at()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        Free(heap, owner, 1, Size);
        Assert.True(StressHeap.CacheOf(heap)->HasStacks);
    }

    [Fact]
    public void Without_memory_for_magazines_blocks_of_others_are_freed_all_the_same()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker owner = new();
        nint[] blocks = [];
        owner.Do(() => blocks = StressHeap.AllocateMany(heap, 5000, Size));
        heap.Free(heap.Alloc(Size));
        heap.Core.Os.FailAll(OsCall.AllocateMetadata);
        StressHeap.FreeAll(heap, blocks);
        Assert.Equal((0L, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
        heap.Verify();
    }

    [Fact]
    public void A_block_that_two_threads_have_gathered_is_found_when_it_reaches_its_owner()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 3, Size);
        using (StressWorker first = new(), second = new())
        {
            first.Do(() => StressHeap.FreeAll(heap, blocks));
            second.Do(() => StressHeap.FreeAll(heap, blocks));
        }

        StressHeap.WaitForOrphans(heap, 2);
        heap.Trim();
        Assert.Equal((0L, 3L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
    }

    // The worker allocates blocks, and the calling thread frees them.
    private static void Free(NativeHeap heap, StressWorker owner, int count, int size)
    {
        nint[] blocks = [];
        owner.Do(() => blocks = StressHeap.AllocateMany(heap, count, size));
        heap.Free(heap.Alloc(16));
        StressHeap.FreeAll(heap, blocks);
    }

    private static int CountInOutbox(ThreadCache* cache)
    {
        int count = 0;
        for (int i = 0; i < ThreadCache.OutboxSize(cache); i++)
        {
            Magazine* magazine = ThreadCache.Outbox(cache, i)->Magazine;
            count += magazine == null ? 0 : magazine->Count;
        }

        return count;
    }

    private static void AssertEmptyAfterTrim(NativeHeap heap, int live = 0)
    {
        heap.Trim();
        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((live, 0L, live == 0), (now.LiveBlocks, now.CachedBlocks, now.PagesInUse == 0));
        heap.Verify();
    }
}
