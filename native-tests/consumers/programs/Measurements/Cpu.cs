using System.Diagnostics;

namespace SpanHeap.Consumers.Measurements;

/// <summary>Measures the time that all threads of the process are on a processor, in the program and in the system.</summary>
internal static class Cpu
{
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(300);

    /// <summary>Does small work until the runtime has compiled it at its last tier, and then measures the whole work.</summary>
    /// <param name="small">A small part of the work, which takes a few milliseconds.</param>
    /// <param name="work">The work.</param>
    /// <param name="scale">How much work there is, and how long the warm-up is.</param>
    public static TimeSpan TimeOf(Action small, Action work, Scale scale)
    {
        WarmUp(small, scale);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        work();
        return Environment.CpuUsage.TotalTime - before;
    }

    /// <summary>Does small work often, with pauses in which a background thread of the runtime compiles what was called often enough.</summary>
    public static void WarmUp(Action small, Scale scale)
    {
        Stopwatch clock = Stopwatch.StartNew();
        do
        {
            small();
            Thread.Sleep(s_pause);
        }
        while (clock.Elapsed < scale.Of(s_warmUp));
        Thread.Sleep(scale.Of(s_rest));
    }
}
