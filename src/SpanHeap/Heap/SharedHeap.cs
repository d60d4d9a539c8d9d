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
        HeapCore? core = null;
        Uninterrupted.Do(0, _ => core = CreateLocked());
        return core!;
    }

    private static HeapCore CreateLocked()
    {
        // An interrupt arrives before the lock is taken.
        lock (s_creation)
        {
            if (s_core == null)
            {
                HeapCore made = new(NativeHeapOptions.FromEnvironment(Environment.GetEnvironmentVariable).Validated(), isShared: true);
                Volatile.Write(ref s_core, made);
            }

            return s_core;
        }
    }
}
