using SpanHeap.Caches;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>What a thread may keep falls with the number of threads and with the limit.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class ParkingBudgetTests
{
    [Fact]
    public void A_few_threads_without_a_limit_keep_what_they_like()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        Assert.Equal(0, new ParkingBudget(heap.Core.Registry, limitBytes: 0).Shift);
    }

    [Theory]
    [InlineData(4 << 20, 0)]
    [InlineData((4 << 20) - 1, 1)]
    [InlineData(1 << 20, 2)]
    [InlineData(1, 6)]
    public void A_thread_keeps_a_quarter_of_the_limit_at_most(int limit, int halvings)
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        Assert.Equal(halvings, new ParkingBudget(heap.Core.Registry, (nuint)limit).Shift);
    }

    [Fact]
    public void Many_threads_keep_less_each()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        StressWorker[] workers = [.. Enumerable.Range(0, 32).Select(static _ => new StressWorker())];
        Array.ForEach(workers, worker => worker.Do(() => heap.Free(heap.Alloc(1 << 20))));

        Assert.Equal(2, new ParkingBudget(heap.Core.Registry, limitBytes: 0).Shift);
        Assert.InRange(heap.GetStatistics().SizeClasses.Sum(static c => c.CachedBytes), 0, 17 << 20);
        Array.ForEach(workers, static worker => worker.Dispose());
    }
}
