namespace SpanHeap.Traced;

/// <summary>
/// Specifies whether collections of a <see cref="TracedHeap"/> save processor time (<see cref="Throughput"/>) or keep pauses short (<see cref="Latency"/>).
/// </summary>
/// <remarks>It affects pauses, processor time and the size of the heap. It never affects which blocks are reachable.</remarks>
public enum CollectionPriority
{
    /// <summary>
    /// Collections cost as little as possible in all. They keep threads out of scopes while they mark, on several threads where that pays: for 30 to 1,400 ms
    /// for each GiB that lives, depending on the data. Nothing has to be done for the collector between collections, and what is dead when one
    /// begins is found by it. The choice for batch work, compilers and tools, and wherever such a pause disturbs nobody.
    /// </summary>
    Throughput,

    /// <summary>
    /// Pauses are as short as possible. A collection keeps threads out of scopes a few times, usually twice, for some tens of microseconds each and for 2 to 4 ns
    /// for each root and each entry of a dictionary with weak keys, and marks in between, while they go on. The choice for servers, games and user interfaces.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The price: a marker that uses a processor while the program's threads run; stores of references that take longer while it does; blocks that die
    /// meanwhile and stay until the next collection; and a heap that grows meanwhile. A thread that makes blocks faster than they are marked helps to mark, or waits
    /// where there is nothing to take, for about 100 microseconds for each 32 KiB that it makes. Once the heap has grown by half of what led to the collection,
    /// the rest is marked while threads are kept out. The first collection of a process may take some milliseconds, until its code is compiled.
    /// </para>
    /// <para>
    /// Not covered, and marked as with <see cref="Throughput"/>: heaps with full checks, custom layouts or collectable blocks; mark sessions; minor
    /// collections, which take time for the young blocks that live, little where most die soon and tens of milliseconds in a cache; and collections in a heap
    /// whose <see cref="NativeHeapOptions.MemoryLimit"/> or <see cref="TracedHeapOptions.SoftMemoryLimit"/> leaves too little room for what dies meanwhile: set
    /// it to six times what lives or more. <see cref="CollectionInfo.IsConcurrent"/> says which a collection was. With
    /// <see cref="TracedHeapOptions.Generational"/>, threads are also kept out for some milliseconds for each GiB when a major collection begins. Scopes that
    /// stay open delay a collection, but keep no thread out for longer than <see cref="TracedHeapOptions.ScopePatience"/>.
    /// </para>
    /// </remarks>
    Latency,
}
