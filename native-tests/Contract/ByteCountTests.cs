using SpanHeap.Contract;

namespace SpanHeap.Tests.Contract;

public sealed class ByteCountTests
{
    // Factors on both sides of 32 bits, up to which a product is computed without a look at what overflows.
    private static readonly nuint[] s_factors =
    [
        0, 1, 3, uint.MaxValue - 1, uint.MaxValue, unchecked((nuint)(uint.MaxValue + 1UL)), nuint.MaxValue / 3, (nuint.MaxValue / 2) + 1, nuint.MaxValue - 1, nuint.MaxValue,
    ];

    [Fact]
    public void A_product_of_sizes_is_exact_or_the_largest_size()
    {
        foreach (nuint count in s_factors)
        {
            foreach (nuint size in s_factors)
            {
                UInt128 exact = (UInt128)count * size;
                nuint expected = exact > nuint.MaxValue ? nuint.MaxValue : (nuint)exact;
                Assert.True(expected == ByteCount.Of(count, size), $"{count} * {size}");
            }
        }
    }

    [Fact]
    public void The_largest_count_of_the_largest_type_does_not_overflow() =>
        Assert.Equal((ulong)int.MaxValue * int.MaxValue, (ulong)ByteCount.OfCount(int.MaxValue, int.MaxValue));

    [Fact]
    public void A_negative_count_is_refused_by_the_name_that_the_caller_gave_it()
    {
        int elements = -1;
        Assert.Throws<ArgumentOutOfRangeException>(nameof(elements), () => ByteCount.OfCount(elements, 8));
    }
}
