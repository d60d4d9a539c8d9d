namespace SpanHeap.Perf.Measurement;

/// <summary>Random numbers of SplitMix64. They take a few nanoseconds each and are the same for the same seed.</summary>
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

    /// <summary>A number below the bound. It is found by multiplication, because a division would cost more than some allocations.</summary>
    public uint Below(uint bound) => (uint)(((Next() >> 32) * bound) >> 32);

    /// <inheritdoc cref="Below(uint)"/>
    public int Below(int bound) => (int)Below((uint)bound);

    public bool Chance(uint percent) => Below(100u) < percent;
}
