namespace SpanHeap.Perf.Compare;

/// <summary>Threads that stay between passes, as a server's do, and run the same body each with its own number.</summary>
/// <remarks>An exception in a body ends the process, as on any thread: others might wait for its thread forever.</remarks>
internal sealed class WorkerTeam : IDisposable
{
    private readonly Thread[] _threads;
    private readonly Barrier _start;
    private readonly Barrier _end;
    private Action<int>? _body;

    public WorkerTeam(int count)
    {
        _start = new Barrier(count + 1);
        _end = new Barrier(count + 1);
        _threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            int index = i;
            _threads[i] = new Thread(() => Serve(index)) { IsBackground = true, Name = $"worker {index}" };
            _threads[i].Start();
        }
    }

    /// <summary>Runs the body on all threads and waits for the last of them.</summary>
    public void Run(Action<int> body)
    {
        _body = body;
        _start.SignalAndWait();
        _end.SignalAndWait();
    }

    public void Dispose()
    {
        _body = null;
        _start.SignalAndWait();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _start.Dispose();
        _end.Dispose();
    }

    private void Serve(int index)
    {
        while (true)
        {
            _start.SignalAndWait();
            if (_body is not { } body)
            {
                return;
            }

            body(index);
            _end.SignalAndWait();
        }
    }
}
