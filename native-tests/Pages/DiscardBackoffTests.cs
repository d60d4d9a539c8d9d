using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

public sealed unsafe class DiscardBackoffTests
{
    private readonly OsMemory _os = new();
    private readonly HeapEpoch _clock = new();
    private readonly DiscardBackoff _discards;

    public DiscardBackoffTests()
    {
        _discards = new DiscardBackoff(_os, _clock);
        _os.FailAll(OsCall.Discard);
    }

    [Fact]
    public void After_many_refusals_in_a_row_the_system_is_asked_once_after_each_pause()
    {
        RefuseUntilPause();
        uint pause = DiscardBackoff.FirstPause;
        for (int i = 0; i < 3; i++)
        {
            Assert.False(_discards.MayTry);
            Wait(pause - 1);
            Assert.False(_discards.MayTry);
            Wait(1);
            Assert.True(_discards.MayTry);
            long asked = _os.Calls(OsCall.Discard);
            Assert.False(_discards.TryDiscard(0, 0));
            Assert.False(_discards.TryDiscard(0, 0));
            Assert.Equal(asked + 1, _os.Calls(OsCall.Discard));
            pause *= 2;
        }
    }

    [Fact]
    public void One_success_ends_it_all()
    {
        RefuseUntilPause();
        Wait(DiscardBackoff.FirstPause);
        _os.FailAll((OsCall)(-1));
        Assert.True(_discards.TryDiscard(0, 0));

        _os.FailAll(OsCall.Discard);
        RefuseUntilPause();
        Wait(DiscardBackoff.FirstPause);
        Assert.True(_discards.MayTry);
    }

    [Fact]
    public void A_program_that_wants_memory_to_go_back_now_ends_a_pause()
    {
        RefuseUntilPause();
        _discards.EndPause();
        Assert.True(_discards.MayTry);
        Assert.False(_discards.TryDiscard(0, 0));
        Assert.False(_discards.MayTry);
    }

    private void RefuseUntilPause()
    {
        for (int i = 0; i < DiscardBackoff.MostRefusals; i++)
        {
            Assert.True(_discards.MayTry);
            Assert.False(_discards.TryDiscard(0, 0));
        }
    }

    private void Wait(uint ticks)
    {
        for (; ticks > 0; ticks--)
        {
            _clock.Advance();
        }
    }
}
