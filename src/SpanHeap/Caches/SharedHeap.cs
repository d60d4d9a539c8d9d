namespace SpanHeap.Caches;

/// <summary>The process's shared heap, made at its first use.</summary>
internal static class SharedHeap
{
    private static HeapCore? s_core;

    /// <summary>The shared heap; null before its first use.</summary>
    public static HeapCore? Core => Volatile.Read(ref s_core);

    /// <summary>The shared heap.</summary>
    /// <exception cref="PlatformNotSupportedException">The process is not a 64-bit one.</exception>
    /// <exception cref="FormatException">An environment variable SPANHEAP_* has a value that means nothing.</exception>
    public static HeapCore Require() => Core ?? Create();

    private static HeapCore Create()
    {
        HeapCore made = new(NativeHeapOptions.FromEnvironment(Environment.GetEnvironmentVariable).Validated());
        HeapCore? other = Interlocked.CompareExchange(ref s_core, made, null);
        if (other == null)
        {
            return made;
        }

        made.Dispose();
        return other;
    }
}
