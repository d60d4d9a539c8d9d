namespace SpanHeap.Heap;

/// <summary>The process's shared heap, which is created on first use.</summary>
internal static class SharedHeap
{
    private static HeapCore? s_core;

    /// <summary>The shared heap; null before its first use.</summary>
    public static HeapCore? Core => Volatile.Read(ref s_core);

    /// <summary>Gets the shared heap, and creates it on first use.</summary>
    /// <exception cref="PlatformNotSupportedException">The process is not a 64-bit process.</exception>
    /// <exception cref="FormatException">The value of an environment variable SPANHEAP_* is invalid.</exception>
    public static HeapCore Require() => Core ?? Create();

    private static HeapCore Create()
    {
        HeapCore made = new(NativeHeapOptions.FromEnvironment(Environment.GetEnvironmentVariable).Validated(), isShared: true);
        HeapCore? other = Interlocked.CompareExchange(ref s_core, made, null);
        if (other == null)
        {
            return made;
        }

        made.Dispose();
        return other;
    }
}
