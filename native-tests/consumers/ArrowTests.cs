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

    [ConsumerFact]
    public void A_span_that_outlives_its_array_is_found_with_the_stacks_that_allocated_and_freed()
    {
        string said = ConsumerPrograms.RunToFailure("arrow", "dropped");
        Assert.DoesNotContain("nothing was noticed", said, StringComparison.Ordinal);
        string[] parts = said.Split(["Allocated:", "Freed:"], StringSplitOptions.None);
        Assert.Contains("0 bytes into a freed block", parts[0], StringComparison.Ordinal);
        Assert.Contains("Apache.Arrow.BinaryArray", parts[1], StringComparison.Ordinal);
        Assert.Contains("RunFinalizers", parts[2], StringComparison.Ordinal);
    }
}
