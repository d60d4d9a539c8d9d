namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Random numbers of SplitMix64: a few nanoseconds each, the same for the same seed.</summary>
internal struct SplitMix(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number below the bound; by multiplication, for a division would cost more than some allocations.</summary>
    public uint Below(uint bound) => (uint)(((Next() >> 32) * bound) >> 32);

    public bool Chance(uint percent) => Below(100) < percent;
}
