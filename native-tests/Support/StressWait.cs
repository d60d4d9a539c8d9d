using System.Diagnostics;

namespace SpanHeap.Tests.Support;

/// <summary>Waits for what another thread will bring about, with a generous bound.</summary>
internal static class StressWait
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);

    public static void Until(Func<bool> condition, Func<string> whatIs)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < s_bound, $"Waited {s_bound.TotalSeconds} s in vain: {whatIs()}");
            Thread.Sleep(5);
        }
    }
}
