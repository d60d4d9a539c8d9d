using System.Runtime.ExceptionServices;

namespace SpanHeap.Perf.Compare;

/// <summary>Threads that stay between passes, as a server's do, and run the same body each with its own number.</summary>
internal sealed class WorkerTeam : IDisposable
{
    private readonly Thread[] _threads;
    private readonly Barrier _start;
    private readonly Barrier _end;
    private Action<int>? _body;
    private ExceptionDispatchInfo? _failure;

    public WorkerTeam(int count)
    {
        // The caller waits at both without spinning away a processor that a worker needs.
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
        Interlocked.Exchange(ref _failure, null)?.Throw();
    }

    public void Dispose()
    {
        _body = null;
        _start.SignalAndWait();
        foreach (Thread thread in _threads)
            thread.Join();
        _start.Dispose();
        _end.Dispose();
    }

    private void Serve(int index)
    {
        while (true)
        {
            _start.SignalAndWait();
            if (_body is not { } body)
                return;
            try
            {
                body(index);
            }
            catch (Exception error)
            {
                // The pass must end, so that the caller can throw it.
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
            }

            _end.SignalAndWait();
        }
    }
}
