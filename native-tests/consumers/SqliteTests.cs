namespace SpanHeap.Tests.Consumers;

/// <summary>SQLite gets its memory from a heap. What its allocator is, a process says before it first uses SQLite.</summary>
public sealed class SqliteTests
{
    [ConsumerFact]
    public void It_gives_the_same_answers_as_with_its_own_allocator_and_leaves_no_block()
    {
        string own = ConsumerPrograms.Run("sqlite", "own");
        string heap = ConsumerPrograms.Run("sqlite", "heap");

        Assert.Contains("row 9: ", own, StringComparison.Ordinal);
        Assert.Equal($"{own}0 blocks after close\n", heap);
    }

    [ConsumerFact]
    public void At_a_limit_it_is_out_of_memory_and_goes_on_after_a_rollback() => Assert.Equal(
        """
        SqliteException 7
        0 rows after the rollback
        1000 rows later
        0 blocks after close

        """, ConsumerPrograms.Run("sqlite", "limit"));

    [ConsumerFact]
    public void With_all_blocks_guarded_it_makes_no_error() =>
        Assert.EndsWith("0 blocks after close\n", ConsumerPrograms.Run("sqlite", "guarded"), StringComparison.Ordinal);
}
