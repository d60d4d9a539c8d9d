using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>A thread that frees blocks of many owners sends them in batches, whatever the number of owners.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class OutboxTests
{
    private const int BlocksPerOwner = 2000;
    private const int Size = 64;

    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(64)]
    [Unguarded("guarded blocks do not pass through an outbox")]
    public void Destinations_do_not_drive_each_other_out(int owners)
    {
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = [.. Enumerable.Range(0, owners).Select(static _ => new StressWorker())];
        nint[][] blocks = new nint[owners][];
        for (int i = 0; i < owners; i++)
        {
            int number = i;
            workers[i].Do(() => blocks[number] = StressHeap.AllocateMany(heap, BlocksPerOwner, Size));
        }

        nint[] all = [.. blocks.SelectMany(static b => b)];
        new Random(1).Shuffle(all);
        heap.Free(heap.Alloc(16));
        ThreadCache* own = StressHeap.CacheOf(heap);
        long collisions = 0;
        int last = 0;
        foreach (nint block in all)
        {
            heap.Free((void*)block);
            int now = own->OutboxCollisions;
            collisions += Math.Max(0, now - last);
            last = now;
        }

        // A collision sends a magazine that is not full. A few come before the outbox has its size.
        Assert.InRange(collisions, 0, 4 * owners);
        Assert.InRange(ThreadCache.OutboxSize(own), ThreadCache.SmallestOutbox, 4 * owners);
        heap.Trim();
        Assert.Equal(ThreadCache.SmallestOutbox, ThreadCache.OutboxSize(own));
        Array.ForEach(workers, static worker => worker.Dispose());
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    [Unguarded("guarded blocks do not pass through an outbox")]
    public void An_outbox_that_gets_no_memory_goes_on_as_it_is()
    {
        const int Owners = 40;
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = [.. Enumerable.Range(0, Owners).Select(static _ => new StressWorker())];
        nint[][] blocks = new nint[Owners][];
        for (int i = 0; i < Owners; i++)
        {
            int number = i;
            workers[i].Do(() => blocks[number] = StressHeap.AllocateMany(heap, 100, Size));
        }

        nint[] all = [.. blocks.SelectMany(static b => b)];
        new Random(1).Shuffle(all);
        heap.Free(heap.Alloc(16));
        heap.Core.Os.FailAll(OsCall.AllocateMetadata);
        StressHeap.FreeAll(heap, all);

        Assert.Equal(ThreadCache.SmallestOutbox, ThreadCache.OutboxSize(StressHeap.CacheOf(heap)));
        Array.ForEach(workers, static worker => worker.Dispose());
        heap.Verify();
    }
}
