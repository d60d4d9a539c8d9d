namespace SpanHeap.Perf.Measurement;

/// <summary>The most memory that was resident since the start, above what was resident at the start.</summary>
internal readonly struct PeakMeter
{
    private readonly long? _baseline;

    private PeakMeter(long? baseline) => _baseline = baseline;

    public long? Bytes => ProcessMemory.Peak is { } peak && _baseline is { } baseline ? Math.Max(0, peak - baseline) : null;

    /// <summary>What is resident now above what was resident at the start.</summary>
    public long? ResidentBytes => ProcessMemory.Resident is { } resident && _baseline is { } baseline ? Math.Max(0, resident - baseline) : null;

    public static PeakMeter Start()
    {
        CollectGarbage();
        // Where the peak cannot be reset only what goes beyond the old one is seen.
        long? baseline = ProcessMemory.TryResetPeak() ? ProcessMemory.Resident : ProcessMemory.Peak;
        return new PeakMeter(baseline);
    }

    /// <summary>Gives the memory of managed garbage back, so that it cannot hide what the allocator takes.</summary>
    public static void CollectGarbage() =>
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
