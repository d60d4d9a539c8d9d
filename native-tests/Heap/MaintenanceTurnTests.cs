using SpanHeap.Heap;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>There is one round at a time, none during an inspection, and none after the end.</summary>
public sealed class MaintenanceTurnTests
{
    private MaintenanceTurn _turn;

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
    public void After_the_end_there_is_no_turn_and_no_thread_waits_for_one()
    {
        _turn.End();
        _turn.End();
        Assert.False(_turn.TryTake());
        _turn.Take();
        _turn.Return();
        Assert.False(_turn.TryTake());
    }

    [Fact]
    public void A_holder_gives_way_to_a_thread_that_waits_and_has_the_turn_again_after_it()
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
    public void A_holder_gives_way_to_those_who_wait_and_not_to_all_who_come_meanwhile()
    {
        Assert.True(_turn.TryTake());
        bool done = false;
        Thread[] others = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            // Each has the turn until the other waits, so that one always waits.
            while (!Volatile.Read(ref done))
            {
                _turn.Take();
                SpinWait.SpinUntil(() => Volatile.Read(ref done) || _turn.Waiting > 0);
                _turn.Return();
            }
        }))];
        Array.ForEach(others, static thread => thread.Start());
        StressWait.Until(() => _turn.Waiting == 2, static () => "no threads wait for the turn");

        Thread givingWay = new(() => _turn.GiveWay());
        givingWay.Start();
        bool again = givingWay.Join(TimeSpan.FromSeconds(30));

        Volatile.Write(ref done, true);
        givingWay.Join();
        _turn.Return();
        Array.ForEach(others, static thread => thread.Join());
        Assert.True(again, "Others have the turn for ever.");
    }

    [Fact]
    public void Who_waits_for_a_while_has_the_turn_if_it_is_returned_and_none_if_it_is_not_or_has_ended()
    {
        Assert.True(_turn.TryTake(TimeSpan.Zero));
        Assert.False(_turn.TryTake(TimeSpan.FromMilliseconds(1)));
        Assert.True(_turn.GiveWay());
        Thread holder = new(() => _turn.Return());
        holder.Start();
        Assert.True(_turn.TryTake(TimeSpan.FromSeconds(60)));
        holder.Join();
        _turn.Return();
        _turn.End();
        Assert.False(_turn.TryTake(TimeSpan.FromSeconds(60)));
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
