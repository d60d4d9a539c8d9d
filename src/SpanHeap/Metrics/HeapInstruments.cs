using System.Diagnostics.Metrics;
using SpanHeap.Guard;
using SpanHeap.Heap;

namespace SpanHeap.Metrics;

/// <summary>
/// Creates the instruments of the meter. All are observable: nothing is counted for them, and they cost nothing until a tool asks. Each has a
/// measurement for each heap that is alive and has such a figure.
/// </summary>
internal static class HeapInstruments
{
    /// <summary>The tag that says which heap a measurement is of.</summary>
    public const string HeapName = "spanheap.heap.name";

    private const string Bytes = "By";
    private const string Seconds = "s";
    private const string Calls = "{call}";
    private const string Blocks = "{block}";
    private const string Collections = "{collection}";

    public static void Create(Meter meter)
    {
        CreateMemory(meter);
        CreateTraced(meter);
        CreateGuard(meter);
    }

    private static void CreateMemory(Meter meter)
    {
        Level(meter, "spanheap.memory.used", Bytes, "Memory of pages that hold blocks, including blocks that threads keep for reuse, and of huge blocks.", static heap => HeapFigures.Used(heap));
        Level(meter, "spanheap.memory.free", Bytes, "Free memory that has not gone back to the system yet.", static heap => HeapFigures.Free(heap));
        Level(meter, "spanheap.memory.reserved", Bytes, "Address space of the arenas, with or without memory behind it.", static heap => HeapFigures.Reserved(heap));
        Level(meter, "spanheap.memory.metadata", Bytes, "Memory of the heap's own records.", static heap => HeapFigures.Metadata(heap));
        Level(meter, "spanheap.memory.limit", Bytes, "The memory limit, of heaps that have one.", HeapFigures.Limit);
        Total(meter, "spanheap.memory.returned", Bytes, "Free memory that went back to the system.", static heap => HeapFigures.Returned(heap));
        Total(meter, "spanheap.os_calls", Calls, "Calls to the operating system.", static heap => HeapFigures.OsCalls(heap));
        Total(meter, "spanheap.misuse", Blocks, "Blocks whose misuse was found after the call that caused it.", static heap => HeapFigures.Misuse(heap));
    }

    private static void CreateTraced(Meter meter)
    {
        Level(meter, "spanheap.traced.live", Bytes, "Traced blocks that the last collection reached or that were made since.", static heap => heap.Wing?.Figures.LiveBytes);
        Total(meter, "spanheap.traced.collections", Collections, "Completed collections of traced memory.", static heap => heap.Wing?.Figures.Collections);
        meter.CreateObservableCounter(
            "spanheap.traced.pause.time", static () => Measure(static heap => heap.Wing?.Figures.TotalPause.TotalSeconds), Seconds, "Time for which collections kept threads out of traced memory.");
    }

    private static void CreateGuard(Meter meter)
    {
        Level(meter, "spanheap.guard.live", Bytes, "Guarded blocks that the program holds.", static heap => heap.Guard?.Statistics.LiveBytes);
        Level(meter, "spanheap.guard.quarantined", Bytes, "Address space of freed guarded blocks that still fault when they are touched.", static heap => heap.Guard?.Statistics.QuarantinedBytes);
        Total(meter, "spanheap.guard.guarded", Blocks, "Blocks that were guarded.", static heap => heap.Guard?.Statistics.Guarded);
        Total(meter, "spanheap.guard.degraded", Blocks, "Blocks that should have been guarded and could not be.", static heap => heap.Guard?.Statistics.Degraded);
        Total(meter, "spanheap.guard.skipped", Blocks, "Sampled blocks for which the guard budget had no room.", static heap => heap.Guard?.Statistics.Skipped);
    }

    // What can be added up over heaps and may become less.
    private static void Level(Meter meter, string name, string unit, string description, Func<HeapCore, long?> figure) =>
        meter.CreateObservableUpDownCounter(name, () => Measure(figure), unit, description);

    // What only grows while its heap lives.
    private static void Total(Meter meter, string name, string unit, string description, Func<HeapCore, long?> figure) =>
        meter.CreateObservableCounter(name, () => Measure(figure), unit, description);

    private static List<Measurement<T>> Measure<T>(Func<HeapCore, T?> figure)
        where T : struct
    {
        ReadOnlySpan<WeakReference<IMeteredHeap>?> places = LiveHeaps.Places;
        List<Measurement<T>> measured = new(places.Length + 1);
        if (SharedHeap.Core is { } shared)
        {
            Add(measured, shared, figure);
        }

        foreach (WeakReference<IMeteredHeap>? place in places)
        {
            if (LiveHeaps.TryGet(place, out IMeteredHeap? heap))
            {
                Add(measured, heap.Core, figure);
            }
        }

        return measured;
    }

    private static void Add<T>(List<Measurement<T>> measured, HeapCore heap, Func<HeapCore, T?> figure)
        where T : struct
    {
        if (figure(heap) is { } value)
        {
            measured.Add(new Measurement<T>(value, new KeyValuePair<string, object?>(HeapName, heap.Name)));
        }
    }
}
