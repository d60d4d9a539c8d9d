using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Pacing;

namespace SpanHeap.Tests.Traced.Pacing;

public sealed class MinorChoiceTests
{
    private const long Mebibyte = 1 << 20;
    private const long LeastGrowth = 64 * Mebibyte;

    [Fact]
    public void A_heap_without_minor_collections_never_wants_one()
    {
        MinorChoice choice = new(new TracingOptions { MinimumBytes = LeastGrowth });
        choice.NoteMajor(made: 200 * Mebibyte, live: 100 * Mebibyte);
        Assert.False(choice.WantsMinor);
    }

    [Fact]
    public void Minor_collections_that_free_a_third_of_what_was_made_go_on()
    {
        MinorChoice choice = Make(300 * Mebibyte);
        for (int i = 1; i <= 4; i++)
        {
            choice.NoteMinor(made: 60 * Mebibyte, live: (300 + (i * 40)) * Mebibyte);
            Assert.True(choice.WantsMinor);
        }
    }

    [Fact]
    public void After_one_that_freed_less_eight_major_ones_come_and_twice_as_many_after_the_next()
    {
        MinorChoice choice = Make(300 * Mebibyte);
        foreach (int rest in (int[])[8, 16, 32, 64, 64])
        {
            choice.NoteMinor(made: 60 * Mebibyte, live: 341 * Mebibyte);
            for (int i = 0; i < rest; i++)
            {
                Assert.False(choice.WantsMinor);
                choice.NoteMajor(made: 60 * Mebibyte, live: 300 * Mebibyte);
            }

            Assert.True(choice.WantsMinor);
        }
    }

    [Fact]
    public void One_that_freed_enough_makes_the_next_rest_short_again()
    {
        MinorChoice choice = Make(300 * Mebibyte);
        choice.NoteMinor(made: 60 * Mebibyte, live: 360 * Mebibyte);
        Rest(choice, 8);
        choice.NoteMinor(made: 60 * Mebibyte, live: 300 * Mebibyte);
        choice.NoteMinor(made: 60 * Mebibyte, live: 360 * Mebibyte);
        Rest(choice, 8);
        Assert.True(choice.WantsMinor);
    }

    [Theory]
    [InlineData(100, 200, true)]
    [InlineData(100, 201, false)]
    [InlineData(1, 9, true)]
    [InlineData(1, 10, false)]
    public void Old_blocks_double_or_grow_by_an_eighth_of_the_least_growth_before_a_major_collection(long majorMebibytes, long oldMebibytes, bool expected)
    {
        MinorChoice choice = Make(majorMebibytes * Mebibyte);
        choice.NoteMinor(made: 1000 * Mebibyte, live: oldMebibytes * Mebibyte);
        Assert.Equal(expected, choice.WantsMinor);
        Assert.Equal(majorMebibytes * Mebibyte, choice.MajorBytes);
    }

    [Fact]
    public void After_sixteen_minor_collections_in_a_row_a_major_one_comes()
    {
        MinorChoice choice = Make(300 * Mebibyte);
        for (int i = 1; i <= 16; i++)
        {
            Assert.True(choice.WantsMinor);
            choice.NoteMinor(made: 60 * Mebibyte, live: 300 * Mebibyte);
            Assert.Equal(i * 60 * Mebibyte, choice.MadeBeforeMinors);
        }

        Assert.False(choice.WantsMinor);
        choice.NoteMajor(made: 60 * Mebibyte, live: 20 * Mebibyte);
        Assert.True(choice.WantsMinor);
        Assert.Equal(0, choice.MadeBeforeMinors);
    }

    [Fact]
    public void Old_blocks_grow_no_further_than_the_heap_may()
    {
        MinorChoice choice = new(new TracingOptions { HasMinors = true, GrowthPercent = 10 });
        choice.NoteMajor(made: 200 * Mebibyte, live: 100 * Mebibyte);
        choice.NoteMinor(made: 1000 * Mebibyte, live: 110 * Mebibyte);
        Assert.True(choice.WantsMinor);
        choice.NoteMinor(made: 1000 * Mebibyte, live: 111 * Mebibyte);
        Assert.False(choice.WantsMinor);
    }

    [Fact]
    public void While_a_program_builds_something_collections_are_major()
    {
        MinorChoice choice = new(new TracingOptions { HasMinors = true, MinimumBytes = LeastGrowth });
        choice.NoteMajor(made: 64 * Mebibyte, live: 60 * Mebibyte);
        Assert.False(choice.WantsMinor);
        choice.NoteMajor(made: 64 * Mebibyte, live: 90 * Mebibyte);
        Assert.True(choice.WantsMinor);
    }

    private static MinorChoice Make(long live)
    {
        MinorChoice choice = new(new TracingOptions { HasMinors = true, MinimumBytes = LeastGrowth });
        choice.NoteMajor(made: 2 * live, live);
        return choice;
    }

    private static void Rest(MinorChoice choice, int majors)
    {
        for (int i = 0; i < majors; i++)
        {
            choice.NoteMajor(made: 60 * Mebibyte, live: 300 * Mebibyte);
        }
    }
}
