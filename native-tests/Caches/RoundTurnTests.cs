using SpanHeap.Caches;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>One round at a time, none while somebody looks, and none after the end.</summary>
public sealed class RoundTurnTests
{
    private RoundTurn _turn;

    [Fact]
    public void A_turn_is_one_holders_until_it_is_returned()
    {
        Assert.True(_turn.TryTake());
        Assert.False(_turn.TryTake());
        _turn.Return();
        _turn.Take();
        Assert.False(_turn.TryTake());
        _turn.Return();
        Assert.True(_turn.TryTake());
    }

    [Fact]
    public void After_the_end_there_is_no_turn_and_nobody_waits_for_one()
    {
        _turn.End();
        _turn.End();
        Assert.False(_turn.TryTake());
        _turn.Take();
        _turn.Return();
        Assert.False(_turn.TryTake());
    }

    [Fact]
    public void A_holder_gives_way_to_whoever_waits_and_has_the_turn_again_after_it()
    {
        Assert.True(_turn.TryTake());
        Assert.True(_turn.GiveWay());
        bool had = false;
        Thread waiting = new(() =>
        {
            _turn.Take();
            Volatile.Write(ref had, true);
            _turn.Return();
        });
        waiting.Start();
        StressWait.Until(
            () =>
            {
                Assert.True(_turn.GiveWay());
                Assert.False(_turn.TryTake());
                return Volatile.Read(ref had);
            },
            static () => "the waiting thread did not get the turn");
        waiting.Join();
        _turn.Return();
    }

    [Fact]
    public void A_holder_that_gives_way_to_the_end_has_no_turn()
    {
        Assert.True(_turn.TryTake());
        Thread ending = new(() => _turn.End());
        ending.Start();
        StressWait.Until(() => !_turn.GiveWay(), static () => "the turn did not end");
        ending.Join();
        Assert.True(_turn.HasEnded);
    }

    [Fact]
    public void Nobody_has_it_together_with_another_or_after_the_end()
    {
        const int Turns = 2000;
        int holders = 0;
        int taken = 0;
        StressThreads.Run(3, number =>
        {
            for (int turn = 0; turn < Turns; turn++)
            {
                if (number == 0)
                {
                    _turn.Take();
                }
                else if (!_turn.TryTake())
                {
                    continue;
                }

                Assert.Equal(1, Interlocked.Increment(ref holders));
                taken++;
                Interlocked.Decrement(ref holders);
                _turn.Return();
            }
        });

        Assert.InRange(taken, Turns, 3 * Turns);
        bool ended = false;
        Assert.True(_turn.TryTake());
        Thread ending = new(() =>
        {
            _turn.End();
            Volatile.Write(ref ended, true);
        });
        ending.Start();
        Assert.False(Volatile.Read(ref ended));
        _turn.Return();
        ending.Join();
        Assert.False(_turn.TryTake());
    }
}
