using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>Magazines that a burst has left give their memory back.</summary>
public sealed unsafe class MagazinePoolTests
{
    private const int Burst = 1000;
    private const int Kept = 450;

    [LinuxFact]
    public void Magazines_give_their_memory_back_and_serve_again()
    {
        OsMemory os = new();
        HeapEpoch clock = new();
        using MetadataAllocator metadata = new(os);
        MagazinePool pool = new(metadata, clock);
        DiscardBackoff discards = new(os, clock);
        for (int round = 0; round < 3; round++)
        {
            nint[] taken = TakeAndFill(pool);
            nuint most = metadata.UsedBytes;
            Array.ForEach(taken, magazine => pool.Give((Magazine*)magazine));
            Assert.False(pool.TryGiveBack(discards, idleOnly: true, out bool isWorkLeft));
            Assert.True(isWorkLeft);

            clock.Advance();
            clock.Advance();
            long before = os.Calls(OsCall.Discard);
            while (pool.TryGiveBack(discards, idleOnly: true, out _))
            {
            }

            // One call for 64 of them.
            Assert.InRange(os.Calls(OsCall.Discard) - before, 10, Burst / 64);
            Assert.InRange(pool.Total, 1, Kept);
            Assert.InRange((long)metadata.UsedBytes, 1, (long)most - (500 * Magazine.Size));
        }
    }

    [LinuxFact]
    [Unguarded("it counts magazines, which guarded blocks need none of")]
    public void Magazines_of_threads_that_are_gone_give_their_memory_back()
    {
        const int Threads = 60;
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        Array.ForEach(workers, worker => worker.Do(() =>
        {
            for (int size = 16; size <= 16 * 1024; size *= 2)
            {
                StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 3, size));
            }
        }));
        int most = heap.GetStatistics().Magazines;
        Assert.InRange(most, Kept + 100, int.MaxValue);

        Array.ForEach(workers, static worker => worker.Dispose());
        StressHeap.WaitForOrphans(heap, Threads);
        heap.Trim();

        Assert.InRange(heap.GetStatistics().Magazines, 1, Kept);
        heap.Verify();
    }

    // All different, and each all its own.
    private static nint[] TakeAndFill(MagazinePool pool)
    {
        nint[] taken = new nint[Burst];
        for (int i = 0; i < Burst; i++)
        {
            Magazine* magazine = pool.TryTake();
            while (magazine == null)
            {
                Assert.True(pool.TryGrow());
                magazine = pool.TryTake();
            }

            new Span<nint>(Magazine.Blocks(magazine), Magazine.Capacity).Fill(i);
            taken[i] = (nint)magazine;
        }

        for (int i = 0; i < Burst; i++)
        {
            Assert.Equal(-1, new Span<nint>(Magazine.Blocks((Magazine*)taken[i]), Magazine.Capacity).IndexOfAnyExcept(i));
        }

        return taken;
    }
}
