namespace SpanHeap.Tests.Face.Contract;

/// <summary>Sizes and alignments at which something changes inside.</summary>
public static class Sizes
{
    private const int MiB = 1 << 20;

    /// <summary>From no byte to more than an arena.</summary>
    public static TheoryData<int> All =>
    [
        0, 1, 7, 8, 9, 15, 16, 17, 48, 64, 127, 128, 129, 1000, 1024, 1025, 4095, 4096, 4097, 8192, 8193, 20_000, 32_767, 32_768, 32_769,
        40_960, 65_536, 65_537, 100_000, MiB - 1, MiB, MiB + 1, (4 * MiB) - 1, 4 * MiB, (4 * MiB) + 1, 10 * MiB, 70 * MiB,
    ];

    /// <summary>Small, shared, large, of a class or of whole pages, huge.</summary>
    public static TheoryData<int> OfEachKind => [1, 16, 100, 5000, 32_768, 40_000, 200_000, 3 * MiB, 5 * MiB, 70 * MiB];

    /// <summary>Sizes that no program gets.</summary>
    public static nuint[] Impossible => [nuint.MaxValue, nuint.MaxValue - 1, nuint.MaxValue - 15, nuint.MaxValue - 8190, nuint.MaxValue - 8192, (nuint)nint.MaxValue + 1, (nuint)nint.MaxValue, (nuint)1 << 62];

    public static TheoryData<int> Alignments => [1, 2, 4, 8, 16, 32, 64, 128, 4096, 8192, 16_384, 2 * MiB, 32 * MiB, 128 * MiB];

    public static TheoryData<int> NoAlignments => [0, 3, 5, 6, 7, 12, 24, 4095, 4097, -1];
}
