using SpanHeap.Os;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// The process's threads that mark beside others. Because heaps share them, many heaps that are collected one after another need no more of them
/// than one heap. A helper that has waited for some seconds ends.
/// </summary>
/// <remarks>Thread safe.</remarks>
internal static class MarkHelpers
{
    private static NativeLock s_lock;

    // Guarded by the lock: the helpers that are not in use.
    private static MarkHelper? s_idle;

    // Interlocked.
    private static long s_started;

    /// <summary>How long an unused helper stays. Only tests set it.</summary>
    public static TimeSpan IdleTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The number of threads started so far.</summary>
    public static long Started => Volatile.Read(ref s_started);

    /// <summary>Takes a helper for one collection; null if the system gives no thread.</summary>
    public static MarkHelper? TryTake()
    {
        s_lock.Enter();
        MarkHelper? helper = s_idle;
        if (helper != null)
        {
            s_idle = helper.NextIdle;
            helper.NextIdle = null;
        }

        s_lock.Exit();
        if (helper == null && (helper = MarkHelper.TryStart()) != null)
        {
            Interlocked.Increment(ref s_started);
        }

        return helper;
    }

    /// <summary>Takes a helper back that has finished, or was never started.</summary>
    public static void Give(MarkHelper helper)
    {
        s_lock.Enter();
        helper.NextIdle = s_idle;
        s_idle = helper;
        s_lock.Exit();
    }

    /// <summary>Removes a helper that has waited long enough. False if it is in use: then it must go on.</summary>
    public static bool TryRetire(MarkHelper helper)
    {
        s_lock.Enter();
        MarkHelper? before = null;
        MarkHelper? at = s_idle;
        while (at != null && at != helper)
        {
            before = at;
            at = at.NextIdle;
        }

        if (at != null && before != null)
        {
            before.NextIdle = at.NextIdle;
        }
        else if (at != null)
        {
            s_idle = at.NextIdle;
        }

        s_lock.Exit();
        return at != null;
    }
}
