using System.Diagnostics;

namespace SpanHeap.Perf.Measurement;

/// <summary>Warms a pass up and then times a round of it whenever the parent process asks.</summary>
internal sealed class WarmRounds(Action pass, Action check, long operations)
{
    private static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(0.5);

    /// <summary>How long the warm-up takes at least, and at most if it goes on getting faster.</summary>
    public (TimeSpan AtLeast, TimeSpan AtMost) WarmUpTime { get; init; } = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5));

    /// <summary>How long a round is at least.</summary>
    public TimeSpan Round { get; init; } = TimeSpan.FromMilliseconds(60);

    public void Serve()
    {
        TimeSpan best = WarmUp();
        int repetitions = Repetitions(Round, best);
        check();
        WorkerProtocol.Send(new WarmReady(repetitions));

        while (WorkerProtocol.NextQuestion() is not null)
        {
            // The others had the caches of the processor meanwhile.
            pass();
            TimeSpan time = Time(repetitions);
            check();
            WorkerProtocol.Send(new RoundTime(time.TotalNanoseconds / ((double)repetitions * operations)));
        }
    }

    /// <summary>
    /// Short bursts and pauses, in which the runtime compiles at tier 1 what was called often enough. The slow
    /// paths come last: they are called a few times in each pass. So this goes on until the best time of a
    /// pass has not improved for a while, within bounds.
    /// </summary>
    private TimeSpan WarmUp()
    {
        var clock = Stopwatch.StartNew();
        TimeSpan best = Time(1), lastGain = clock.Elapsed;
        while (clock.Elapsed < WarmUpTime.AtLeast || (clock.Elapsed - lastGain < s_patience && clock.Elapsed < WarmUpTime.AtMost))
        {
            int repetitions = Repetitions(s_burst, best);
            TimeSpan time = Time(repetitions) / repetitions;
            if (time < 0.99 * best)
            {
                lastGain = clock.Elapsed;
            }

            if (time < best)
            {
                best = time;
            }

            Thread.Sleep(s_pause);
        }

        return best;
    }

    private TimeSpan Time(int repetitions)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repetitions; i++)
        {
            pass();
        }

        return Stopwatch.GetElapsedTime(start);
    }

    private static int Repetitions(TimeSpan wanted, TimeSpan one) => Math.Max(1, (int)Math.Ceiling(wanted / one));
}
