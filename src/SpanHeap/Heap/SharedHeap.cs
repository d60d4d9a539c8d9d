using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>The process's shared heap, which is created on first use.</summary>
internal static class SharedHeap
{
    private static readonly Lock s_creation = new();

    // Written once, under the lock; read by any thread.
    private static HeapCore? s_core;

    /// <summary>The shared heap; null before its first use.</summary>
    public static HeapCore? Core => Volatile.Read(ref s_core);

    /// <summary>Gets the shared heap, and creates it on first use.</summary>
    /// <exception cref="PlatformNotSupportedException">The process is not a 64-bit process.</exception>
    /// <exception cref="FormatException">The value of an environment variable SPANHEAP_* is invalid.</exception>
    public static HeapCore Require() => Core ?? Create();

    // Threads that need the heap at the same time wait until one of them has made it: a heap takes address space and a record from the system.
    private static HeapCore Create()
    {
        Uninterrupted.Do(s_creation, static creation => creation.Enter());
        try
        {
            return Core ?? CreateLocked();
        }
        finally
        {
            s_creation.Exit();
        }
    }

    private static HeapCore CreateLocked()
    {
        HeapCore made = new(NativeHeapOptions.FromEnvironment(Environment.GetEnvironmentVariable).Validated(), isShared: true);

        // A handler of the program's that the runtime has called meanwhile on this thread may have allocated, and has blocks of its heap.
        HeapCore? other = Interlocked.CompareExchange(ref s_core, made, null);
        if (other != null)
        {
            made.Dispose();
        }

        return other ?? made;
    }
}
