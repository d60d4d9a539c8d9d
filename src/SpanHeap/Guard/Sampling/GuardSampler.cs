using SpanHeap.Os;

namespace SpanHeap.Guard.Sampling;

/// <summary>
/// Draws how many allocations a thread makes until one is guarded. Each allocation has the same chance, whatever came before, so that no
/// pattern of a program stays out of sight.
/// </summary>
/// <remarks>Thread safe. A heap's draws come from one sequence, whose seed tests can give.</remarks>
internal sealed class GuardSampler(int rate, ulong seed)
{
    private const ulong Step = 0x9E37_79B9_7F4A_7C15;
    private const double UnitOf53Bits = 1.0 / (1UL << 53);

    // The position in the sequence. Interlocked.
    private ulong _state = seed;

    /// <summary>Draws the number of allocations to pass over, from a geometric distribution with the mean of the rate less one.</summary>
    public int Draw()
    {
        if (rate == 1)
        {
            return 0;
        }

        // Any thread takes the next position by one addition.
        ulong value = RandomBits.Mix(Interlocked.Add(ref _state, Step));
        double uniform = ((value >> 11) + 0.5) * UnitOf53Bits;
        return (int)Math.Min(int.MaxValue, Math.Floor(Math.Log(uniform) / Math.Log(1 - (1.0 / rate))));
    }
}
