namespace SpanHeap.Hooks;

/// <summary>Creates the functions through which native libraries use a heap.</summary>
public static class HeapHooksExtensions
{
    /// <summary>
    /// Creates functions that native code can call to allocate and free memory of this heap. While they exist, <see cref="NativeHeap.Dispose"/> throws
    /// <see cref="InvalidOperationException"/>.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <returns>The functions, which exist until <see cref="HeapHooks.Dispose"/> is called.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="heap"/> is null.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for them.</exception>
    public static HeapHooks CreateHooks(this NativeHeap heap)
    {
        ArgumentNullException.ThrowIfNull(heap);
        return new HeapHooks(heap.Core);
    }
}
