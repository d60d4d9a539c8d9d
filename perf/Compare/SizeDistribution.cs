namespace SpanHeap.Perf.Compare;

/// <summary>Chooses the size of a block at random.</summary>
internal delegate uint SizeDistribution(Random random);

/// <summary>The distributions that workloads are stated with.</summary>
internal static class Sizes
{
    /// <summary>Each size as often as any other.</summary>
    public static SizeDistribution Uniform(int min, int max) => random => (uint)random.Next(min, max + 1);

    /// <summary>Each doubling as often as the next, as programs tend to ask.</summary>
    public static SizeDistribution LogUniform(int min, int max) =>
        random => (uint)(min * Math.Pow((double)max / min, random.NextDouble()));

    /// <summary>Density falling with the square of the size: glibc's benchmark of threads.</summary>
    public static SizeDistribution InverseSquare(int min, int max) =>
        random => (uint)(1 / ((((1.0 / max) - (1.0 / min)) * random.NextDouble()) + (1.0 / min)));

    /// <summary>Skewed to the small: the square of a uniform number.</summary>
    public static SizeDistribution SkewedSmall(int min, int max) =>
        random => (uint)(min + ((max - min) * Math.Pow(random.NextDouble(), 2)));

    /// <summary>Doublings from 8 to 1024 bytes, each half as often as the one before: alloc-test's.</summary>
    public static SizeDistribution HalvedPerDoubling() => random =>
    {
        const int Bits = 7;
        const int LeastLog = 2;
        int log = System.Numerics.BitOperations.TrailingZeroCount(random.Next(1 << Bits) + 1) + LeastLog;
        return (uint)(1 + (1 << log) + random.Next(1 << log));
    };
}
