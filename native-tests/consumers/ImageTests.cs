namespace SpanHeap.Tests.Consumers;

/// <summary>ImageSharp gets its pixels from a heap.</summary>
public sealed class ImageTests
{
    [ConsumerFact]
    public void A_thumbnail_is_the_same_as_with_its_own_pool() => Assert.Equal(
        """
        the same picture
        0 blocks after dispose

        """, ConsumerPrograms.Run("image"));
}
