namespace SpanHeap.Tests.Consumers;

/// <summary>Apache Arrow gets its buffers from a heap.</summary>
public sealed class ArrowTests
{
    [ConsumerFact]
    public void A_batch_that_was_written_is_read_as_it_was() => Assert.Equal(
        """
        the same 1000 values of each column
        0 blocks after dispose

        """, ConsumerPrograms.Run("arrow"));
}
