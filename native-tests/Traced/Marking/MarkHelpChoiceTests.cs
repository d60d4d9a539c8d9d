using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

public sealed class MarkHelpChoiceTests
{
    [Fact]
    public void Both_ways_are_tried_first()
    {
        MarkHelpChoice choice = new();
        Assert.True(choice.WantsHelp);
        choice.Note(helped: true, bytes: 1000, time: 10);
        Assert.False(choice.WantsHelp);
    }

    [Theory]
    [InlineData(10, 7, 15)]
    [InlineData(10, 9, 1)]
    [InlineData(10, 20, 1)]
    public void The_faster_way_is_kept_to_and_the_other_tried_now_and_then(long alone, long helped, int expectedWithHelp)
    {
        MarkHelpChoice choice = new();
        choice.Note(helped: true, bytes: 1000, helped);
        choice.Note(helped: false, bytes: 1000, alone);
        Assert.Equal(expectedWithHelp, Run(choice, 16, alone, helped));
    }

    [Fact]
    public void A_machine_that_changes_is_found_out()
    {
        MarkHelpChoice choice = new();
        choice.Note(helped: true, bytes: 1000, time: 20);
        choice.Note(helped: false, bytes: 1000, time: 10);
        Run(choice, 16 * 10, alone: 10, helped: 5);
        Assert.Equal(15, Run(choice, 16, alone: 10, helped: 5));
    }

    // How many of so many markings had help.
    private static int Run(MarkHelpChoice choice, int markings, long alone, long helped)
    {
        int count = 0;
        for (int i = 0; i < markings; i++)
        {
            bool help = choice.WantsHelp;
            count += help ? 1 : 0;
            choice.Note(help, 1000, help ? helped : alone);
        }

        return count;
    }
}
