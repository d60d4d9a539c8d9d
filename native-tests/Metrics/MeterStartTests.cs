using System.Diagnostics.Metrics;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Metrics;

/// <summary>When the meter is created, each in a process of its own, since a process has only one.</summary>
public sealed unsafe class MeterStartTests
{
    [Fact]
    public void The_first_allocation_of_the_shared_heap_creates_no_meter() =>
        AssertSays("instruments: 0", AllocateOnce, ("SPANHEAP_SCAVENGE_DELAY_MS", "600000"));

    [Fact]
    public void The_first_round_of_maintenance_creates_it() =>
        AssertSays("instruments: 16", AllocateAndWait, ("SPANHEAP_SCAVENGE_DELAY_MS", "10"));

    [Fact]
    public void A_shared_heap_that_is_never_maintained_has_one_as_well() =>
        AssertSays("instruments: 16", AllocateAndWait, ("SPANHEAP_SCAVENGE_DELAY_MS", "-1"));

    [Fact]
    public void The_methods_that_throw_nothing_count_as_a_first_allocation_too() =>
        AssertSays("instruments: 16", TryAllocateAndWait, ("SPANHEAP_SCAVENGE_DELAY_MS", "10"));

    [Fact]
    public void A_listener_that_throws_does_not_keep_a_heap_from_being_created() => AssertSays("instruments: 1, heaps: 1", ListenBadly);

    [Fact]
    public void The_shared_heap_is_among_the_heaps() =>
        AssertSays("used: True", ReadShared, ("SPANHEAP_SCAVENGE_DELAY_MS", "600000"));

    [Fact]
    public void A_heap_of_the_programs_own_creates_it_at_once() => AssertSays("instruments: 16", CreateHeap);

    [Fact]
    public void A_listener_may_create_heaps_itself() => AssertSays("instruments: 16, heaps: 17", CreateHeapsWithin);

    [Fact]
    public void A_program_without_meters_has_none() => AssertSays("instruments: 0", CreateHeapWithoutMeters);

    internal static void AllocateOnce()
    {
        using MeterListener listener = Count(out Func<int> count);
        SpanMemory.Free(SpanMemory.Alloc(64));
        Console.WriteLine($"instruments: {count()}");
    }

    internal static void AllocateAndWait()
    {
        using MeterListener listener = Count(out Func<int> count);
        SpanMemory.Free(SpanMemory.Alloc(64));
        StressWait.Until(() => count() == 16, () => $"{count()} instruments");
        Console.WriteLine($"instruments: {count()}");
    }

    internal static void TryAllocateAndWait()
    {
        using MeterListener listener = Count(out Func<int> count);
        SpanMemory.Free(SpanMemory.TryAlloc(64));
        StressWait.Until(() => count() == 16, () => $"{count()} instruments");
        Console.WriteLine($"instruments: {count()}");
    }

    internal static void ListenBadly()
    {
        int count = 0;
        using MeterListener listener = MeterReading.Listen(_ =>
        {
            count++;
            throw new InvalidOperationException("It is the listener's fault.");
        });
        listener.Start();
        using NativeHeap heap = new();
        Console.WriteLine($"instruments: {count}, heaps: {NativeHeap.All.Count}");
    }

    internal static void ReadShared()
    {
        using NativeHeap heap = new();
        SpanMemory.Alloc(5_000_000);
        Console.WriteLine($"used: {MeterReading.Take()["spanheap.memory.used", NativeHeap.Shared.Name] >= 5_000_000}");
    }

    internal static void CreateHeap()
    {
        using MeterListener listener = Count(out Func<int> count);
        using NativeHeap heap = new();
        Console.WriteLine($"instruments: {count()}");
    }

    internal static void CreateHeapsWithin()
    {
        List<NativeHeap> heaps = [];
        int count = 0;
        using MeterListener listener = MeterReading.Listen(_ =>
        {
            count++;
            heaps.Add(new NativeHeap());
        });
        listener.Start();
        heaps.Add(new NativeHeap());
        Console.WriteLine($"instruments: {count}, heaps: {NativeHeap.All.Count}");
        heaps.ForEach(static heap => heap.Dispose());
    }

    internal static void CreateHeapWithoutMeters()
    {
        AppContext.SetSwitch("System.Diagnostics.Metrics.Meter.IsSupported", false);
        CreateHeap();
    }

    private static MeterListener Count(out Func<int> count)
    {
        int published = 0;
        MeterListener listener = MeterReading.Listen(_ => Interlocked.Increment(ref published));
        listener.Start();
        count = () => Volatile.Read(ref published);
        return listener;
    }

    private static void AssertSays(string line, Action scenario, params (string Name, string Value)[] environment)
    {
        ChildProgram.Result result = ChildProgram.Run(scenario, environment);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(line, result.Output.Trim());
    }
}
