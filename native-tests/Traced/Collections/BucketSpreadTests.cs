using SpanHeap.Traced.Collections;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>Which bucket a hash has, looked at by itself: a dictionary whose keys share one is right, only slow.</summary>
public sealed class BucketSpreadTests
{
    private const int Keys = 1 << 14;
    private const int Bits = 14;

    [Fact]
    public void Numbers_that_were_counted_up_have_a_bucket_each_beside_their_neighbours()
    {
        foreach (uint first in (uint[])[0, 5 << Bits, uint.MaxValue - Keys + 1])
        {
            long start = BucketOf(first);
            for (uint i = 0; i < Keys; i++)
            {
                Assert.Equal((start + i) % Keys, BucketOf(first + i));
            }
        }
    }

    // At random 37 of a hundred buckets would be empty, and the fullest have 7 or 8 keys.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(256)]
    [InlineData(1000)]
    [InlineData(4096)]
    [InlineData(65_536)]
    [InlineData(3 << 17)]
    public void Keys_at_any_distance_spread(uint distance)
    {
        int[] keys = new int[1 << Bits];
        for (uint i = 0; i < Keys; i++)
        {
            keys[BucketOf(unchecked(i * distance))]++;
        }

        Assert.InRange(keys.Max(), 1, 10);
        Assert.InRange(keys.Count(static count => count == 0), 0, keys.Length / 2);
    }

    private static long BucketOf(uint hash) => Buckets.Of(hash, 64 - Bits);
}
