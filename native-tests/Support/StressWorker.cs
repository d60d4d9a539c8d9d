using System.Collections.Concurrent;

namespace SpanHeap.Tests.Support;

/// <summary>A thread that does what it is told, one thing at a time, and lives (asleep) until it is disposed.</summary>
internal sealed class StressWorker : IDisposable
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(2);

    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private bool _disposed;

    public StressWorker()
    {
        _thread = new Thread(Loop) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether the thread waits to be told something.</summary>
    public bool IsAsleep => (_thread.ThreadState & ThreadState.WaitSleepJoin) != 0;

    /// <summary>Lets the thread do something and waits for it.</summary>
    public void Do(Action action)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                action();
                done.SetResult();
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        });
        Assert.True(Task.WaitAny([done.Task], s_bound) == 0, "A thread of the test does not answer.");
        done.Task.GetAwaiter().GetResult();
    }

    /// <summary>Ends the thread and waits until it is dead. Again, it does nothing.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _work.CompleteAdding();
            Assert.True(_thread.Join(s_bound), "A thread of the test does not end.");
            _work.Dispose();
        }
    }

    private void Loop()
    {
        foreach (Action action in _work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
