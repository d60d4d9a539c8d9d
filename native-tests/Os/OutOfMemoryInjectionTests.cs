using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Tests.Support;
using SpanHeap.Threads;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Os;

/// <summary>Every call to the system is refused in turn: no operation does worse than to throw, and nothing is lost.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class OutOfMemoryInjectionTests(ITestOutputHelper output)
{
    private const int MostCalls = 20_000;

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    [Unguarded("it balances all calls to the system")]
    public void The_system_may_refuse_from_any_call_on(HeapChecks checks) => RefuseInTurn(checks, untilNextOperation: false);

    /// <remarks>The refusal ends with the operation that it hits.</remarks>
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    [Unguarded("it balances all calls to the system")]
    public void The_system_may_refuse_one_operation(HeapChecks checks) => RefuseInTurn(checks, untilNextOperation: true);

    [Fact]
    public void A_heap_that_gets_nothing_refuses_and_works_when_it_gets_some()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Core.Os.FailAfter(0);
        for (int i = 0; i < 3000; i++)
        {
            Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc((nuint)(i * 100)));
        }

        heap.Core.Os.FailAfter(-1);
        heap.Free(heap.Alloc(100));
        heap.Verify();
    }

    [Fact]
    public void Arenas_that_cannot_be_had_cost_no_records()
    {
        using NativeHeap heap = StressHeap.Still();
        List<nint> blocks = [];
        heap.Free(heap.Alloc(100));
        heap.Core.Os.FailAfter(0);
        Assert.Throws<OutOfMemoryException>(() => FillUp(heap, blocks));
        long before = heap.Core.Os.Calls(OsCall.AllocateMetadata);
        for (int i = 0; i < 10_000; i++)
        {
            // With records at hand, only the arena cannot be had; each try may not cost one.
            Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc(3_000_000));
        }

        heap.Core.Os.FailAfter(-1);
        blocks.Add((nint)heap.Alloc(3_000_000));
        // The one that can be had may take one more piece of records.
        Assert.InRange(heap.Core.Os.Calls(OsCall.AllocateMetadata), before, before + 1);
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
    }

    [Fact]
    public void A_thread_that_gets_no_cache_can_free()
    {
        InjectionBalance balance = new();
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = [.. StressHeap.AllocateMany(heap, 500, 200), .. StressHeap.AllocateMany(heap, 5, 100_000)];
        try
        {
            balance.TakeLeft();
            heap.Core.Os.FailAfter(0);
            StressThreads.RunOne(() =>
            {
                StressHeap.FreeAll(heap, blocks);
                Assert.True(StressHeap.CacheOf(heap) == ThreadCache.None, "the thread has a cache");
                Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc(1));
            });
        }
        finally
        {
            heap.Core.Os.FailAfter(-1);
            balance.Restore();
        }

        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_registry_that_gets_no_memory_makes_no_cache()
    {
        InjectionBalance balance = new();
        try
        {
            OsMemory none = new();
            none.FailAfter(0);
            CacheRegistry registry = new(none, ulong.MaxValue, isLimited: false, new ParkingBudget(limitBytes: 0));

            Assert.True(registry.TryCreateCentral() == null);
            Assert.Equal(0, registry.Count);
        }
        finally
        {
            balance.Restore();
        }
    }

    private void RefuseInTurn(HeapChecks checks, bool untilNextOperation)
    {
        // The table of huge blocks grows now, and not during a test.
        using (NativeHeap first = StressHeap.Still())
        {
            first.Free(first.Alloc(100_000_000));
        }

        int n = 0;
        int refusedRuns = 0;
        InjectionBalance balance = new();
        try
        {
            while (RunWithRefusal(balance, checks, n, untilNextOperation, out int refused))
            {
                refusedRuns += refused > 0 ? 1 : 0;
                n++;
                Assert.InRange(n, 0, MostCalls);
            }
        }
        catch
        {
            output.WriteLine($"the call refused was number {n}");
            throw;
        }
        finally
        {
            balance.Restore();
        }

        output.WriteLine($"{n} calls; in {refusedRuns} runs an operation was refused");
        Assert.InRange(refusedRuns, 3, MostCalls);
    }

    // True when a call was refused.
    private static bool RunWithRefusal(InjectionBalance balance, HeapChecks checks, int n, bool untilNextOperation, out int refused)
    {
        NativeHeap heap = StressHeap.Still(checks);
        OsMemory os = heap.Core.Os;
        long before = Admitted(os);
        long refusedCalls = -1;
        void EndRefusal()
        {
            if (refusedCalls < 0)
            {
                refusedCalls = Math.Max(0, Admitted(os) - before - n);
                os.FailAfter(-1);
            }
        }

        void AfterEach()
        {
            if (untilNextOperation && Admitted(os) - before > n)
            {
                EndRefusal();
            }
        }

        InjectionScript script = new(heap, AfterEach);
        os.FailAfter(n);
        script.Run();
        EndRefusal();
        bool hit = refusedCalls > 0;
        refused = script.Refused;
        heap.Verify();
        Assert.Equal(script.Live, heap.GetStatistics().LiveBlocks);

        // It works as if nothing had been.
        InjectionScript again = new(heap, static () => { });
        again.Run();
        Assert.Equal(0, again.Refused);
        os.FailAfter(0);
        long beforeFrees = Admitted(os);
        again.FreeEvery(1);
        script.FreeEvery(1);
        refusedCalls += Admitted(os) - beforeFrees;
        os.FailAfter(-1);
        heap.Verify();
        Assert.Equal((0L, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));

        heap.Dispose();
        Assert.Equal(0, balance.Unreturned(os, refusedCalls, script.PlatformResizes + again.PlatformResizes));
        return hit;
    }

    private static long Admitted(OsMemory os) => os.TotalCalls - os.Calls(OsCall.ReleaseArena);

    private static void FillUp(NativeHeap heap, List<nint> blocks)
    {
        while (true)
        {
            blocks.Add((nint)heap.Alloc(3_000_000));
        }
    }
}
