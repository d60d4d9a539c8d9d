using System.Collections.Concurrent;

namespace SpanHeap.Tests.Support;

/// <summary>Threads of a test: what one of them throws reaches the test.</summary>
internal static class StressThreads
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(3);

    /// <summary>Runs so many threads to their end, which comes within a bound; each gets its number.</summary>
    public static void Run(int count, Action<int> body, TimeSpan? bound = null)
    {
        ConcurrentQueue<Exception> thrown = new();
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            int number = i;
            threads[i] = new Thread(() => Guard(() => body(number), thrown)) { IsBackground = true };
        }

        Array.ForEach(threads, static thread => thread.Start());
        foreach (Thread thread in threads)
        {
            Assert.True(thread.Join(bound ?? s_bound), "A thread of the test does not end.");
        }

        if (!thrown.IsEmpty)
        {
            throw new AggregateException(thrown);
        }
    }

    /// <summary>Runs one thread to its end.</summary>
    public static void RunOne(Action body) => Run(1, _ => body());

    private static void Guard(Action body, ConcurrentQueue<Exception> thrown)
    {
        try
        {
            body();
        }
        catch (Exception exception)
        {
            thrown.Enqueue(exception);
        }
    }
}
