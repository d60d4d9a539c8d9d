namespace SpanHeap.Os;

/// <summary>Produces pseudorandom numbers for choices that a program cannot foresee and a test can repeat.</summary>
internal static class RandomBits
{
    /// <summary>Computes the number that follows a position in a sequence: the step of SplitMix64 (Steele, Lea, Flood 2014).</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }
}
