using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Stress;

/// <summary>A process that has freed its memory and sits idle becomes small: by itself after the delay, at once by Trim.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class IdleShrinkTests
{
    private const long Allocated = 160 * StressMemory.MiB;
    private const long Slack = 32 * StressMemory.MiB;
    private static readonly int[] s_sizes = [32, 200, 1000, 5000, 30_000, 100_000, 900_000];

    [LinuxFact]
    public void Resident_memory_falls_after_the_delay_without_a_call()
    {
        using NativeHeap heap = StressHeap.Restless();
        long before = StressMemory.Resident();
        List<nint> blocks = AllocateMixed(heap);
        Assert.InRange(StressMemory.Resident() - before, Allocated * 3 / 4, long.MaxValue);

        StressHeap.FreeAll(heap, blocks);

        WaitUntilSmall(before);
        heap.Verify();
    }

    [LinuxFact]
    public void Resident_memory_falls_while_the_thread_that_freed_it_sleeps()
    {
        using NativeHeap heap = StressHeap.Restless();
        long before = StressMemory.Resident();
        StressWorker[] sleepers = [new(), new(), new(), new()];
        Array.ForEach(sleepers, worker => worker.Do(() =>
        {
            List<nint> blocks = AllocateMixed(heap, Allocated / sleepers.Length);
            StressHeap.FreeAll(heap, blocks);
        }));

        WaitUntilSmall(before);
        Array.ForEach(sleepers, static worker => worker.Dispose());
        heap.Verify();
    }

    [LinuxFact]
    public void Trim_gives_memory_back_at_once()
    {
        using NativeHeap heap = StressHeap.Still();
        long before = StressMemory.Resident();
        StressHeap.FreeAll(heap, AllocateMixed(heap));

        heap.Trim();

        Assert.InRange(StressMemory.Resident() - before, long.MinValue, Slack);
        Assert.Equal((0L, 0L, 0L), (heap.GetStatistics().PagesFree, heap.GetStatistics().PagesOfProgram(), heap.GetStatistics().CachedBlocks));
        heap.Verify();
    }

    [Fact]
    [Unguarded("guarded memory goes back when it is freed, and no cache keeps it")]
    public void A_delay_that_never_ends_gives_nothing_back_before_Trim()
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 1000, 8000);
        long afterReserving = heap.GetStatistics().OsCalls.Discard;
        StressHeap.FreeAll(heap, blocks);

        // Another heap's timer has come and done its work meanwhile.
        using NativeHeap other = StressHeap.Restless(delayMilliseconds: 10);
        StressHeap.FreeAll(other, StressHeap.AllocateMany(other, 1000, 8000));
        StressWait.Until(() => other.GetStatistics() is { PagesFree: 0 } now && now.PagesOfProgram() < 100, static () => "the timer does not come");

        Assert.Equal(afterReserving, heap.GetStatistics().OsCalls.Discard);
        heap.Trim();
        Assert.InRange(heap.GetStatistics().OsCalls.Discard, afterReserving + 1, long.MaxValue);
    }

    [LinuxFact]
    [Unguarded("it counts arenas, and each guarded block takes pages of its own", Samples = true)]
    public void An_emptied_arena_is_given_back_whole_and_serves_again()
    {
        using NativeHeap heap = StressHeap.Still();
        long before = StressMemory.ResidentWithoutGarbage();
        for (int round = 0; round < 4; round++)
        {
            StressHeap.FreeAll(heap, AllocateMixed(heap));
            heap.Trim();
            Assert.Equal(0, heap.GetStatistics().PagesOfProgram());
            Assert.InRange(StressMemory.ResidentWithoutGarbage() - before, long.MinValue, Slack);
            heap.Verify();

            byte* zeroed = (byte*)heap.AllocZeroed(20_000_000);
            Assert.Equal(-1, new System.Span<byte>(zeroed, 20_000_000).IndexOfAnyExcept((byte)0));
            new System.Span<byte>(zeroed, 20_000_000).Fill(0xEE);
            heap.Free(zeroed);
        }

        // Spread over arenas as in the first round: none was lost.
        Assert.InRange(heap.GetStatistics().Arenas, 1, 9);
    }

    [Fact]
    [Unguarded("guarded memory goes back when it is freed, and no cache keeps it")]
    public void Large_blocks_kept_by_a_thread_that_sleeps_go_back()
    {
        using NativeHeap heap = StressHeap.Restless();
        using StressWorker sleeper = new();
        sleeper.Do(() =>
        {
            for (int size = 40_000; size < 4_000_000; size = size * 5 / 4)
            {
                heap.Free(heap.Alloc((nuint)size));
            }
        });

        // The blocks freed last are its thread's alone: up to a mebibyte stays (one block), or a quarter of it.
        Assert.InRange(heap.GetStatistics().CachedBytes, 1, 1 << 20);
        StressWait.Until(() => heap.GetStatistics().PagesFree == 0, () => $"{heap.GetStatistics().PagesFree} pages stay free");
    }

    [Fact]
    public void The_timer_stops_when_there_is_nothing_left_to_do()
    {
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 2);
        StressWorker sleeper = new();
        sleeper.Do(() => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 5000, 700)));
        StressWait.Until(() => heap.GetStatistics().PagesFree == 0, static () => "pages stay free");

        sleeper.Dispose();

        StressHeap.WaitUntilTimerRests(heap);
    }

    [Fact]
    public void Memory_that_was_given_back_reads_as_zero_when_asked_to()
    {
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 1);
        StressRandom random = new(7);
        for (int i = 0; i < 3000; i++)
        {
            int size = random.Below(random.OneIn(10) ? 2_000_000 : 20_000);
            byte* block = (byte*)heap.AllocZeroed((nuint)size);
            Assert.Equal(-1, new System.Span<byte>(block, size).IndexOfAnyExcept((byte)0));
            new System.Span<byte>(block, size).Fill(0x77);
            heap.Free(block);
        }
    }

    private static List<nint> AllocateMixed(NativeHeap heap, long bytes = Allocated)
    {
        List<nint> blocks = [];
        for (int turn = 0; bytes > 0; turn++)
        {
            int size = s_sizes[turn % s_sizes.Length];
            int count = Math.Max(1, 200_000 / size);
            blocks.AddRange(StressHeap.AllocateMany(heap, count, size));
            bytes -= count * size;
        }

        return blocks;
    }

    private static void WaitUntilSmall(long before) =>
        StressWait.Until(
            () => StressMemory.Resident() - before < Slack,
            () => $"{(StressMemory.Resident() - before) / StressMemory.MiB} MiB more are resident than at the start");
}
