using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// Has .NET collect garbage and run finalizers when a heap's limit refuses a request: .NET knows nothing of native memory, and may leave
/// the objects that own it alone for as long as managed memory is plentiful.
/// </summary>
/// <remarks>
/// <para>Thread safe. The collection is the process's, and so is the bound: at most one in a second, and so seldom that it takes a
/// twentieth of the time. Requests that come while one is under way wait for its end.</para>
/// <para>
/// It runs on a thread of its own, and the wait for it is bounded, because a finalizer may want a lock that the calling thread holds.
/// The finalizer thread would wait for itself, and a thread in a scope of traced memory, or in a trace function, might: those do without.
/// </para>
/// </remarks>
internal static unsafe class GarbageRelief
{
    private const long LeastInterval = 1000;
    private const long IntervalPerCost = 20;
    private const long LongestWait = 1000;

    // 1 while a collection is under way. Interlocked to begin, cleared by the collecting thread after all else is written.
    private static int s_isRunning;

    // A tick in milliseconds. By the thread that ends a collection.
    private static long s_notBefore;

    // Collections so far.
    private static long s_count;

    // The thread that runs finalizers, as the first of ours has found out; 0 before.
    private static int s_finalizerThread;

    // Set by traced memory: whether a thread must not wait for finalizers.
    private static delegate*<ThreadCache*, bool> s_mustNotWait;

    /// <summary>Collections so far.</summary>
    public static long Count => Volatile.Read(ref s_count);

    /// <summary>Says which threads must not wait for finalizers; traced memory knows.</summary>
    public static void SetExceptions(delegate*<ThreadCache*, bool> mustNotWait) => s_mustNotWait = mustNotWait;

    /// <summary>Called by finalizers: there is one thread that runs them.</summary>
    public static void NoteFinalizerThread() => Volatile.Write(ref s_finalizerThread, Environment.CurrentManagedThreadId);

    /// <summary>Has garbage collected, unless that was done lately.</summary>
    /// <param name="cache">The calling thread's cache.</param>
    /// <returns>Whether a collection has ended since the call.</returns>
    public static bool TryCollect(ThreadCache* cache)
    {
        if (Environment.CurrentManagedThreadId == Volatile.Read(ref s_finalizerThread) || (s_mustNotWait != null && s_mustNotWait(cache)))
        {
            return false;
        }

        long count = Count;
        long deadline = Environment.TickCount64 + LongestWait;
        if (Interlocked.CompareExchange(ref s_isRunning, 1, 0) == 0 && !TryBegin())
        {
            Volatile.Write(ref s_isRunning, 0);
            return Count != count;
        }

        while (Volatile.Read(ref s_isRunning) != 0 && Count == count && Environment.TickCount64 < deadline)
        {
            // Not by a wait of .NET's: the caller goes on with its cache, and a thread that is seen to wait is taken for one that does not
            // (see StackReclaimer).
            Thread.Yield();
        }

        return Count != count;
    }

    /// <summary>Allows the next collection at once. For tests.</summary>
    internal static void ForgetLast() => Volatile.Write(ref s_notBefore, 0);

    private static bool TryBegin()
    {
        if (Environment.TickCount64 < Volatile.Read(ref s_notBefore))
        {
            return false;
        }

        try
        {
            // UnsafeStart: the thread must not carry the context of whoever happens to allocate.
            Uninterrupted.Do("SpanHeap collection", static name => new Thread(Collect) { IsBackground = true, Name = name }.UnsafeStart());
            return true;
        }
        catch (Exception failure) when (failure is OutOfMemoryException or ThreadStartException)
        {
            return false;
        }
    }

    private static void Collect()
    {
        long start = Environment.TickCount64;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long end = Environment.TickCount64;
        Volatile.Write(ref s_notBefore, end + Math.Max(LeastInterval, IntervalPerCost * (end - start)));
        Interlocked.Increment(ref s_count);
        Volatile.Write(ref s_isRunning, 0);
    }
}
