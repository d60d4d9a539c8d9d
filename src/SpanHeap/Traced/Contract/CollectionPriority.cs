namespace SpanHeap.Traced;

/// <summary>
/// Specifies what collections of a <see cref="TracedHeap"/> spare: the processors' time, or the threads that would have to wait.
/// </summary>
/// <remarks>It changes when threads wait, how much they do and how large the heap becomes, and not which blocks live.</remarks>
public enum CollectionPriority
{
    /// <summary>
    /// Collections cost as little as possible in all. They keep threads out of scopes while they mark, on several threads where that pays: for 30 to 1,400 ms
    /// for each GiB that lives, by the form of the data. Nothing has to be done for the collector between collections, and what is dead when one
    /// begins is found by it. The choice for batch work, compilers and tools, and wherever such a pause disturbs nobody.
    /// </summary>
    Throughput,

    /// <summary>
    /// Threads are kept out of scopes as briefly as possible. A collection keeps them out two or three times, for tens of microseconds and for 2 to 4 ns for each
    /// root and each entry of a dictionary with weak keys, and marks in between, on one thread, while they go on. The choice for servers, games and user interfaces.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The price: a marker that is busy beside the program's threads; stores of references that take longer while the heap is marked; blocks that die
    /// meanwhile and stay until the next collection; and a heap that grows meanwhile. A thread that makes much waits for the marker, for at most 100
    /// microseconds at a time. Once the heap has grown by half of what led to the collection, the rest is marked while threads are kept out.
    /// </para>
    /// <para>
    /// Not covered, and marked as with <see cref="Throughput"/>: heaps with full checks, custom layouts or collectable blocks; mark sessions; minor
    /// collections, which are short by themselves; and collections near a memory limit, where there is no room for what dies meanwhile. With
    /// <see cref="TracedHeapOptions.Generational"/>, threads are also kept out for some milliseconds for each GiB when a major collection begins. Scopes that
    /// stay open delay a collection, but keep no thread out for longer than <see cref="TracedHeapOptions.ScopePatience"/>.
    /// </para>
    /// </remarks>
    Latency,
}
