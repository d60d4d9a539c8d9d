using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Metrics;

/// <summary>What a tool that knows nothing of the library sees of its heaps. Other tests have heaps meanwhile, so each looks for its own by name.</summary>
public sealed unsafe class HeapMeterTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void The_instruments_have_these_names_kinds_and_units()
    {
        using NativeHeap heap = HeapMaker.New();

        Assert.Equal(
            [
                "spanheap.guard.degraded ObservableCounter`1 {block}",
                "spanheap.guard.guarded ObservableCounter`1 {block}",
                "spanheap.guard.live ObservableUpDownCounter`1 By",
                "spanheap.guard.quarantined ObservableUpDownCounter`1 By",
                "spanheap.guard.skipped ObservableCounter`1 {block}",
                "spanheap.memory.free ObservableUpDownCounter`1 By",
                "spanheap.memory.limit ObservableUpDownCounter`1 By",
                "spanheap.memory.metadata ObservableUpDownCounter`1 By",
                "spanheap.memory.reserved ObservableUpDownCounter`1 By",
                "spanheap.memory.returned ObservableCounter`1 By",
                "spanheap.memory.used ObservableUpDownCounter`1 By",
                "spanheap.misuse ObservableCounter`1 {block}",
                "spanheap.os_calls ObservableCounter`1 {call}",
                "spanheap.traced.collections ObservableCounter`1 {collection}",
                "spanheap.traced.live ObservableUpDownCounter`1 By",
                "spanheap.traced.pause.time ObservableCounter`1 s",
            ],
            MeterReading.Take().Instruments.Select(static one => $"{one.Name} {one.GetType().Name} {one.Unit}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void There_is_one_meter_however_many_heaps_there_are()
    {
        using NativeHeap first = HeapMaker.New();
        using NativeHeap second = HeapMaker.New();
        using TracedHeap third = TracedHeaps.Still();

        Assert.Single(MeterReading.Take().Instruments.Select(static one => one.Meter).Distinct());
    }

    [Fact]
    public void Two_heaps_are_told_apart_by_their_names()
    {
        using NativeHeap small = Named("small");
        using NativeHeap large = Named("large");
        small.Alloc(5 * MiB);
        large.Alloc(50 * MiB);

        MeterReading reading = MeterReading.Take();

        Assert.InRange(reading["spanheap.memory.used", small.Name]!.Value, 5 * MiB, 6 * MiB);
        Assert.InRange(reading["spanheap.memory.used", large.Name]!.Value, 50 * MiB, 51 * MiB);
    }

    [Fact]
    public void A_heap_without_a_name_has_the_one_that_messages_give_it()
    {
        using NativeHeap heap = HeapMaker.New();

        Assert.Contains(heap.Name, MeterReading.Take().Heaps);
    }

    [Fact]
    [Unguarded("guarded blocks are not what is counted here")]
    public void The_figures_are_those_of_the_statistics()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = Unique("figures"), ScavengeDelay = Timeout.InfiniteTimeSpan, MemoryLimit = 1 << 30 });
        nint[] blocks = StressHeap.AllocateMany(heap, 3000, 1000);
        StressHeap.FreeAll(heap, blocks.Where(static (_, i) => i % 3 != 0));
        heap.Free(heap.Alloc(20 * MiB));
        heap.Free(heap.Alloc(100 * MiB));
        heap.Alloc(90 * MiB);
        heap.Free(heap.Alloc(70 * MiB));

        AssertAgrees(heap);
        double before = MeterReading.Take()["spanheap.memory.returned", heap.Name]!.Value;
        heap.Trim();

        AssertAgrees(heap);
        Assert.InRange(MeterReading.Take()["spanheap.memory.returned", heap.Name]!.Value, before + (20 * MiB), double.MaxValue);
    }

    [Fact]
    public void Only_a_heap_with_a_limit_has_one()
    {
        using NativeHeap limited = new(new NativeHeapOptions { Name = Unique("limited"), MemoryLimit = 8 * MiB });
        using NativeHeap unlimited = Named("unlimited");

        MeterReading reading = MeterReading.Take();

        Assert.Equal(8 * MiB, reading["spanheap.memory.limit", limited.Name]);
        Assert.Null(reading["spanheap.memory.limit", unlimited.Name]);
    }

    [Fact]
    [Unguarded("a guard finds it at once")]
    public void Misuse_that_is_found_late_is_counted()
    {
        using NativeHeap heap = Named("misused");
        void* block = heap.Alloc(100);
        heap.Free(block);
        heap.Free(block);
        heap.Trim();

        Assert.Equal(heap.GetStatistics().MisuseCount, MeterReading.Take()["spanheap.misuse", heap.Name]);
        Assert.True(heap.GetStatistics().MisuseCount > 0);
    }

    [Fact]
    public void A_heap_with_traced_memory_has_the_figures_of_its_collections()
    {
        using NativeHeap manual = Named("manual");
        using TracedHeap heap = new(new TracedHeapOptions { Name = Unique("traced"), ScavengeDelay = Timeout.InfiniteTimeSpan });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            roots.Set(scope, 0, scope.New<Node>());
        }

        heap.Collect();
        heap.Collect();

        TracedStatistics statistics = heap.GetStatistics();
        MeterReading reading = MeterReading.Take();
        Assert.Equal(2, reading["spanheap.traced.collections", heap.Name]);
        Assert.Equal(statistics.LiveBytes, reading["spanheap.traced.live", heap.Name]);
        Assert.Equal(statistics.TotalPause.TotalSeconds, reading["spanheap.traced.pause.time", heap.Name]);
        Assert.True(reading["spanheap.memory.used", heap.Name] > 0);
        Assert.Null(reading["spanheap.traced.collections", manual.Name]);
    }

    [Fact]
    public void A_heap_with_guards_has_the_figures_of_its_guarded_blocks()
    {
        using NativeHeap plain = new(new NativeHeapOptions { Name = Unique("plain"), Guard = new GuardOptions { Mode = GuardMode.Off } });
        using NativeHeap heap = new(new NativeHeapOptions { Name = Unique("guarded"), Guard = new GuardOptions { Mode = GuardMode.All } });
        heap.Alloc(100);
        heap.Free(heap.Alloc(50));

        MeterReading reading = MeterReading.Take();

        Assert.Equal(100, reading["spanheap.guard.live", heap.Name]);
        Assert.Equal(2, reading["spanheap.guard.guarded", heap.Name]);
        Assert.Equal(heap.GetStatistics().Guard.QuarantinedBytes, reading["spanheap.guard.quarantined", heap.Name]);
        Assert.Equal((0, 0), (reading["spanheap.guard.degraded", heap.Name], reading["spanheap.guard.skipped", heap.Name]));
        Assert.Null(reading["spanheap.guard.guarded", plain.Name]);
    }

    [Fact]
    public void A_heap_that_is_disposed_disappears()
    {
        NativeHeap heap = Named("disposed");
        TracedHeap traced = new(new TracedHeapOptions { Name = Unique("disposed") });
        using NativeHeap other = Named("other");
        Assert.Superset(new HashSet<string> { heap.Name, traced.Name }, MeterReading.Take().Heaps.ToHashSet());

        heap.Dispose();
        traced.Dispose();
        heap.Dispose();

        string[] left = [.. MeterReading.Take().Heaps];
        Assert.DoesNotContain(heap.Name, left);
        Assert.DoesNotContain(traced.Name, left);
        Assert.Contains(other.Name, left);
    }

    [Fact]
    public void A_heap_that_was_dropped_is_not_kept()
    {
        (WeakReference dropped, string name) = Drop();

        StressWait.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return !dropped.IsAlive;
            },
            static () => "the meter keeps the heap");

        Assert.DoesNotContain(name, MeterReading.Take().Heaps);
    }

    [Fact]
    public void Heaps_come_and_go_while_a_tool_reads()
    {
        using NativeHeap lasting = Named("lasting");
        using CancellationTokenSource end = new();
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            while (!end.IsCancellationRequested)
            {
                using NativeHeap heap = Named("passing");
                heap.Alloc(1000);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        for (int i = 0; i < 300; i++)
        {
            Assert.NotNull(MeterReading.Take()["spanheap.memory.used", lasting.Name]);
        }

        end.Cancel();
        Array.ForEach(threads, static thread => thread.Join());
    }

    // No reference to it is left on the caller's stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (WeakReference Heap, string Name) Drop()
    {
        NativeHeap heap = Named("dropped");
        Assert.Contains(heap.Name, MeterReading.Take().Heaps);
        return (new WeakReference(heap), heap.Name);
    }

    private static void AssertAgrees(NativeHeap heap)
    {
        HeapStatistics expected = heap.GetStatistics();
        MeterReading reading = MeterReading.Take();
        Assert.Equal((expected.PagesInUse * expected.PageSize) + expected.HugeBytes, reading["spanheap.memory.used", heap.Name]);
        Assert.Equal((expected.PagesFree * expected.PageSize) + expected.CachedHugeBytes, reading["spanheap.memory.free", heap.Name]);
        Assert.Equal(expected.MetadataBytes, reading["spanheap.memory.metadata", heap.Name]);
        Assert.Equal(expected.ReservedBytes, reading["spanheap.memory.reserved", heap.Name]);
        Assert.Equal(expected.OsCalls.Total, reading["spanheap.os_calls", heap.Name]);
        Assert.Equal(expected.MisuseCount, reading["spanheap.misuse", heap.Name]);
        Assert.Equal(heap.MemoryLimit, reading["spanheap.memory.limit", heap.Name]);
        Assert.Equal(
            expected.ResidentBytes,
            reading["spanheap.memory.used", heap.Name] + reading["spanheap.memory.free", heap.Name] + reading["spanheap.memory.metadata", heap.Name]);
    }

    private static NativeHeap Named(string name) => new(new NativeHeapOptions { Name = Unique(name), ScavengeDelay = Timeout.InfiniteTimeSpan });

    private static string Unique(string name) => $"{name} {Guid.NewGuid()}";
}
