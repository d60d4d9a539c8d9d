using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Caches;

/// <summary>What a thread may keep falls with the number of threads and with the limit.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class ParkingBudgetTests(ITestOutputHelper output)
{
    [Fact]
    public void A_few_threads_without_a_limit_keep_what_they_like()
    {
        Assert.Equal(0, new ParkingBudget(limitBytes: 0) { Threads = 16 }.Shift);
    }

    [Theory]
    [InlineData(4 << 20, 0)]
    [InlineData((4 << 20) - 1, 1)]
    [InlineData(1 << 20, 2)]
    [InlineData(1, 6)]
    public void A_thread_keeps_a_quarter_of_the_limit_at_most(int limit, int halvings)
    {
        Assert.Equal(halvings, new ParkingBudget((nuint)limit) { Threads = 1 }.Shift);
    }

    [LinuxFact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void Threads_that_wait_in_a_system_call_keep_a_quarter_of_a_limit_together()
    {
        const int Limit = 3 << 20;
        const int Waiting = 8;
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        Assert.True(Pipe.TryMake(out int reader, out int writer));
        StressWorker[] workers = [.. Enumerable.Range(0, Waiting).Select(static _ => new StressWorker())];
        Array.ForEach(workers, worker => worker.Do(() => UseManySizes(heap, seed: 7)));
        int ready = 0;
        Thread[] waiting = [.. workers.Select(worker => new Thread(() => worker.Do(() =>
        {
            UseManySizes(heap, seed: 8);
            byte told;
            Interlocked.Increment(ref ready);
            Pipe.Read(reader, &told, 1);
        })))];
        Array.ForEach(waiting, static thread => thread.Start());
        StressWait.Until(() => Volatile.Read(ref ready) == Waiting, static () => "not all have come to the system call");

        long served = 0;
        Action takeAll = () =>
        {
            while (true)
            {
                heap.Alloc(PageGeometry.PageSize);
                served += PageGeometry.PageSize;
            }
        };
        Assert.Throws<OutOfMemoryException>(takeAll);

        output.WriteLine($"{served >> 10} KiB served, {heap.Core.Budget.Pinned >> 10} KiB pinned, {heap.Core.Sleepers.Reclaimed} reclaimed");
        Assert.InRange(heap.Core.Budget.Pinned, 1, Limit / 16 * 3);
        Assert.InRange(served, (Limit / 4 * 3) - (long)heap.Core.Limit.MetadataBytes, Limit);
        byte* all = stackalloc byte[Waiting];
        Pipe.Write(writer, all, Waiting);
        Array.ForEach(waiting, static thread => thread.Join());
        heap.Verify();
        Array.ForEach(workers, static worker => worker.Dispose());
        StressHeap.WaitForOrphans(heap, Waiting);
        heap.Trim();
        Assert.Equal(0, heap.Core.Budget.Pinned);
        heap.Verify();
        Pipe.Close(reader, writer);
    }

    [Fact]
    [Unguarded("a guarded block lies on no stack")]
    public void A_stack_for_which_nothing_is_left_keeps_no_place_for_the_parked_block_that_it_took_back()
    {
        const int Limit = 64 << 20;
        const int Size = 2000;
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        ParkingBudget budget = heap.Core.Budget;
        uint sizeClass = SizeClasses.Of(Size);
        long spanBytes = (long)SizeClasses.Info(sizeClass).Pages << PageGeometry.PageShift;

        // One span is left for all stacks.
        Assert.True(budget.TryPin((Limit / 16 * 3) - spanBytes));
        nint[] blocks = StressHeap.AllocateMany(heap, 50, Size);
        ThreadCache* cache = heap.Core.FindOwnCache();
        ClassStack* stack = ThreadCache.Stack(cache, sizeClass);
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        Assert.InRange(bin->Spans, 2, 50);
        heap.Free((void*)blocks[0]);
        heap.Free((void*)blocks[1]);
        Assert.Equal((1, 1, 1, 1), (stack->Count, stack->Pins, (int)stack->Parked, bin->DepotBlocks));
        blocks[0] = (nint)heap.Alloc(Size);

        // Others take it as soon as it is not the stack's.
        budget.Unpin(-spanBytes);
        blocks[1] = (nint)heap.Alloc(Size);

        Assert.Equal((0, 0, 0), (bin->DepotBlocks, stack->Pins, (int)(stack->Limit - stack->Base)));
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
        Assert.Equal((0, 0), (stack->Count, stack->Pins));
        heap.Verify();
    }

    [Fact]
    public void Many_threads_keep_less_each()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        StressWorker[] workers = [.. Enumerable.Range(0, 32).Select(static _ => new StressWorker())];
        Array.ForEach(workers, worker => worker.Do(() => heap.Free(heap.Alloc(1 << 20))));

        Assert.Equal(2, new ParkingBudget(limitBytes: 0) { Threads = heap.Core.Registry.OwnedCount }.Shift);
        Assert.InRange(heap.GetStatistics().SizeClasses.Sum(static c => c.CachedBytes), 0, 17 << 20);
        Array.ForEach(workers, static worker => worker.Dispose());
    }

    // As much as there is, and frees it all in the order of allocation.
    private static void UseManySizes(NativeHeap heap, int seed)
    {
        Random random = new(seed);
        List<nint> blocks = [];
        try
        {
            for (int left = 1 << 20; left > 0;)
            {
                int size = (int)Math.Pow(2, 4 + (random.NextDouble() * 11));
                blocks.Add((nint)heap.Alloc((nuint)size));
                left -= size;
            }
        }
        catch (OutOfMemoryException)
        {
            // Others have the rest.
        }

        StressHeap.FreeAll(heap, blocks);
    }
}
