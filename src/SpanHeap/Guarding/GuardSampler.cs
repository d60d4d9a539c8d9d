namespace SpanHeap.Guarding;

/// <summary>
/// Draws how many allocations a thread makes until one is guarded: each with the same chance, whatever came before, so that no pattern of
/// a program stays out of sight.
/// </summary>
/// <remarks>Thread safe; a heap's draws come from one sequence, whose seed can be given for tests.</remarks>
internal sealed class GuardSampler(int rate, ulong seed)
{
    private const ulong Step = 0x9E37_79B9_7F4A_7C15;
    private const double UnitOf53Bits = 1.0 / (1UL << 53);

    // The sequence's place. Interlocked.
    private ulong _state = seed;

    /// <summary>Allocations to pass over: a geometric distribution with the mean of the rate less one.</summary>
    public int Draw()
    {
        if (rate == 1)
        {
            return 0;
        }

        // SplitMix64 (Steele, Lea, Flood 2014): any thread takes the next place by one addition.
        ulong value = Interlocked.Add(ref _state, Step);
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        value ^= value >> 31;
        double uniform = ((value >> 11) + 0.5) * UnitOf53Bits;
        return (int)Math.Min(int.MaxValue, Math.Floor(Math.Log(uniform) / Math.Log(1 - (1.0 / rate))));
    }
}
