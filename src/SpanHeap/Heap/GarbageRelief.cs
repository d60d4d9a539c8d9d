using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>
/// Makes .NET collect garbage and run finalizers when a heap's limit refuses a request. .NET knows nothing of native memory, and may leave the
/// objects that own it alone for as long as managed memory is plentiful.
/// </summary>
/// <remarks>
/// <para>
/// Thread safe. The collection is one for the whole process, and so is its bound: at most one a second, and so rarely that collections take a
/// twentieth of the time. Requests that come during a collection wait for its end.
/// </para>
/// <para>
/// It runs on a thread of its own, and the wait for it is bounded, because a finalizer may want a lock that the calling thread holds. The finalizer
/// thread would wait for itself, and a thread in a scope of traced memory, or in a trace function, might do so as well. These threads do without a
/// collection.
/// </para>
/// </remarks>
internal static unsafe class GarbageRelief
{
    private const long LeastInterval = 1000;
    private const long IntervalPerCost = 20;
    private const long LongestWait = 1000;

    // 1 during a collection. Set by an interlocked operation, cleared by the collecting thread after it has written everything else.
    private static int s_isRunning;

    // A tick in milliseconds. Written by the thread that ends a collection.
    private static long s_notBefore;

    // The number of collections so far.
    private static long s_count;

    // The thread that runs finalizers, as the first of our finalizers has found out; 0 before that.
    private static int s_finalizerThread;

    // Set by traced memory: determines whether a thread must not wait for finalizers.
    private static delegate*<ThreadCache*, bool> s_mustNotWait;

    /// <summary>The number of collections so far.</summary>
    public static long Count => Volatile.Read(ref s_count);

    /// <summary>Sets the function that determines which threads must not wait for finalizers. Called by traced memory, which knows them.</summary>
    public static void SetExceptions(delegate*<ThreadCache*, bool> mustNotWait) => s_mustNotWait = mustNotWait;

    /// <summary>Notes the calling thread as the one that runs finalizers. Called by finalizers, all of which run on one thread.</summary>
    public static void NoteFinalizerThread() => Volatile.Write(ref s_finalizerThread, Environment.CurrentManagedThreadId);

    /// <summary>Makes .NET collect garbage, unless it did so recently.</summary>
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
            // Not with one of .NET's waits: the caller goes on using its cache, and a thread that is seen to wait is assumed not to use it (see
            // StackReclaimer).
            Thread.Yield();
        }

        return Count != count;
    }

    /// <summary>Allows the next collection at once. For tests.</summary>
    internal static void ForgetLast() => Volatile.Write(ref s_notBefore, 0);

    private static bool TryBegin() =>
        Environment.TickCount64 >= Volatile.Read(ref s_notBefore) && BackgroundThread.TryStartUninterrupted(Collect, "SpanHeap collection");

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
