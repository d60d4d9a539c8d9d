using System.Runtime.CompilerServices;
using SpanHeap.Checks;
using SpanHeap.Contract;
using SpanHeap.Guard;
using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>Reports misuse that was found late to the program, on a thread-pool thread.</summary>
/// <remarks>Thread safe. Called without a lock.</remarks>
internal sealed class MisuseReporter(HeapState state, MisuseLog log, MisuseResponse response)
{
    // 1 while a report is on its way. Written by compare-exchange, and by the report when it begins.
    private int _reporting;

    /// <summary>Called for each misuse. Set by the public face.</summary>
    public Action<nint, MisuseKind>? OnMisuse { get; set; }

    /// <summary>Queues a report of what was found late, if there is anything.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Queue()
    {
        if (log.HasPending)
        {
            QueueOne();
        }
    }

    private void QueueOne()
    {
        if (Interlocked.Exchange(ref _reporting, 1) != 0)
        {
            return;
        }

        try
        {
            // The call that came here has done its work, so it is not the place to report an interrupt.
            Uninterrupted.Queue(static reporter => reporter.Report(), this);
        }
        catch (OutOfMemoryException)
        {
            // The next slow path, or the next round, tries again.
            Volatile.Write(ref _reporting, 0);
        }
    }

    private void Report()
    {
        Volatile.Write(ref _reporting, 0);
        if (!log.HasPending)
        {
            return;
        }

        foreach ((nint address, MisuseKind kind) in log.Take())
        {
            if (response == MisuseResponse.FailFast)
            {
                ProcessEnd.Announce();
                Environment.FailFast($"SpanHeap, heap '{state.Name}': {MisuseMessage.For(address, kind)}");
            }

            OnMisuse?.Invoke(address, kind);
        }
    }
}
