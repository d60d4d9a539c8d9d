using System.Runtime.ExceptionServices;

namespace SpanHeap.Tests.Support;

/// <summary>A thread that does what it is given, one thing at a time, and lives (asleep) until it is disposed.</summary>
/// <remarks>
/// By a monitor alone, which sleeps at once: the framework's queues and events spin before they sleep, and yield meanwhile, which looks
/// like sleep to a thread that asks and may last for seconds on a busy machine.
/// </remarks>
internal sealed class StressWorker : IDisposable
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(2);

    private readonly object _gate = new();
    private readonly Thread _thread;

    // By the gate: what is to be done, null when nothing is; what came of it; whether the thread is to end.
    private Action? _work;
    private Exception? _failure;
    private bool _ends;

    public StressWorker()
    {
        _thread = new Thread(Loop) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether the thread waits for work: it does so from now on, once it was given work and has done it.</summary>
    public bool IsAsleep => (_thread.ThreadState & ThreadState.WaitSleepJoin) != 0;

    /// <summary>Lets the thread do something and waits for it.</summary>
    public void Do(Action action)
    {
        lock (_gate)
        {
            _work = action;
            Monitor.PulseAll(_gate);
            while (_work != null)
            {
                Assert.True(Monitor.Wait(_gate, s_bound), "A thread of the test does not answer.");
            }

            if (_failure != null)
            {
                ExceptionDispatchInfo.Throw(_failure);
            }
        }
    }

    /// <summary>Ends the thread and waits until it is dead. Again, it does nothing.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ends = true;
            Monitor.PulseAll(_gate);
        }

        Assert.True(_thread.Join(s_bound), "A thread of the test does not end.");
    }

    private void Loop()
    {
        Monitor.Enter(_gate);
        while (TryAwaitWork(out Action? work))
        {
            Monitor.Exit(_gate);
            Exception? failure = Failure(work!);

            // From here to the wait for more the gate is held: the thread that has given the work finds this one in that wait, or just about to be.
            Monitor.Enter(_gate);
            _failure = failure;
            _work = null;
            Monitor.PulseAll(_gate);
        }

        Monitor.Exit(_gate);
    }

    private bool TryAwaitWork(out Action? work)
    {
        while (_work == null && !_ends)
        {
            Monitor.Wait(_gate);
        }

        work = _work;
        return work != null;
    }

    private static Exception? Failure(Action work)
    {
        try
        {
            work();
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }
}
