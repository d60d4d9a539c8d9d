using System.Diagnostics;
using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>Inspects a heap as a whole: while its maintenance waits, or as far as that can be achieved within a few milliseconds.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed class Quiescence(HeapState state, HeapMaintenance maintenance, OsMemory os)
{
    // Longer than almost any step of a round takes. A step takes longer if its thread has to wait for a processor, or if another thread inspects the
    // heap as a whole; then figures are approximate.
    private static readonly TimeSpan s_watchPatience = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestWatch = TimeSpan.FromMilliseconds(50);

    // For a thread that keeps another heap still already, like a trace function that verifies a heap other than its own: the thread that keeps this
    // one still may be waiting for it.
    private static readonly TimeSpan s_longestNested = TimeSpan.FromSeconds(1);

    // The number of heaps that stand still for the thread.
    [ThreadStatic]
    private static int t_quietHeaps;

    // The number of threads that read statistics or run a finalizer. Interlocked, by these threads; the thread that disposes the heap waits for them.
    private int _watchers;

    // The managed number of the thread for which the heap stands still; 0 for none. Written by that thread; others only see that it is not theirs.
    private int _quietThread;

    /// <summary>Whether the heap stands still for the calling thread, which is then within <see cref="WhileQuiet"/>.</summary>
    public bool IsQuietHere => Volatile.Read(ref _quietThread) == Environment.CurrentManagedThreadId;

    /// <summary>Requires that the calling thread is not already verifying this heap.</summary>
    /// <exception cref="InvalidOperationException">It is: a trace function that verification calls has asked for the same.</exception>
    public void RequireNotQuietHere()
    {
        if (IsQuietHere)
        {
            throw new InvalidOperationException($"The calling thread is verifying the heap '{state.Name}': a trace function that Verify calls cannot verify it.");
        }
    }

    /// <summary>
    /// Runs something that needs the heap to stand still, as far as the heap itself is concerned: its maintenance waits. A nested call runs at once,
    /// because a trace function may inspect the heap that is being verified.
    /// </summary>
    /// <param name="subject">What is inspected.</param>
    /// <param name="inspect">The inspection.</param>
    /// <exception cref="InvalidOperationException">Another thread has kept the heap still for too long.</exception>
    public TResult WhileQuiet<T, TResult>(T subject, Func<T, TResult> inspect)
    {
        state.ThrowIfDisposed();
        if (IsQuietHere)
        {
            return inspect(subject);
        }

        if (t_quietHeaps == 0)
        {
            maintenance.Pause();
        }
        else if (!maintenance.TryPause(s_longestNested))
        {
            state.ThrowIfDisposed();
            throw new InvalidOperationException(
                $"The heap '{state.Name}' is being verified by another thread, for which a trace function of another heap cannot wait: the two may wait for each other.");
        }

        Volatile.Write(ref _quietThread, Environment.CurrentManagedThreadId);
        t_quietHeaps++;
        try
        {
            return inspect(subject);
        }
        finally
        {
            t_quietHeaps--;
            Volatile.Write(ref _quietThread, 0);
            maintenance.Resume();
        }
    }

    /// <summary>
    /// Reads the heap's statistics for a caller that must not wait long. What a step of a round changes is changed in a moment. What takes long in a
    /// step are system calls, and during a call the figures stand still as well, though they have to allow for what the step holds.
    /// </summary>
    public TResult Watch<T, TResult>(T subject, Func<T, TResult> read)
    {
        // Counts itself first and checks afterwards: the thread that disposes the heap reads the count after it has marked the heap as gone.
        Interlocked.Increment(ref _watchers);
        try
        {
            state.ThrowIfDisposed();
            return IsQuietHere ? read(subject) : ReadInTurn(subject, read);
        }
        finally
        {
            Interlocked.Decrement(ref _watchers);
        }
    }

    /// <summary>Waits for threads that still read statistics or run a finalizer. The heap has been marked as gone, so no further ones begin.</summary>
    public void AwaitWatchers()
    {
        while (Volatile.Read(ref _watchers) != 0)
        {
            Thread.Yield();
        }
    }

    /// <summary>
    /// Keeps the heap from being taken apart while a thread that the program does not know uses it, until <see cref="Leave"/>.
    /// </summary>
    /// <returns>False, with nothing to leave, if the heap has been disposed.</returns>
    public bool TryEnter()
    {
        Interlocked.Increment(ref _watchers);
        if (!state.IsDisposed)
        {
            return true;
        }

        Leave();
        return false;
    }

    /// <summary>Ends what <see cref="TryEnter"/> began.</summary>
    public void Leave() => Interlocked.Decrement(ref _watchers);

    private TResult ReadInTurn<T, TResult>(T subject, Func<T, TResult> read)
    {
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            if (maintenance.TryPause(s_watchPatience))
            {
                try
                {
                    return read(subject);
                }
                finally
                {
                    maintenance.Resume();
                }
            }

            long call = os.WatchedCall;
            bool last = Stopwatch.GetElapsedTime(begin) > s_longestWatch;
            if ((call & 1) != 0 || last)
            {
                TResult figures = read(subject);
                if (last || os.WatchedCall == call)
                {
                    return figures;
                }
            }
        }
    }
}
