namespace SpanHeap.Os;

/// <summary>Specifies what a <see cref="NativeLock"/> protects, which is its place in the order of locks, outermost first (<see cref="LockOrder"/>).</summary>
internal enum LockRank : byte
{
    /// <summary>The lock is taken with no other held, and no other is taken under it. A lock in zeroed memory has this rank.</summary>
    Alone,

    /// <summary>A thread's record: where it finds its caches.</summary>
    ThreadRecord,

    /// <summary>A heap's caches and their threads.</summary>
    CacheRegistry,

    /// <summary>The bins and spans of one thread's cache. No thread holds two of these.</summary>
    ThreadCache,

    /// <summary>The bins and spans of the cache that never has a thread.</summary>
    CentralCache,

    /// <summary>The records of a heap's guarded blocks.</summary>
    Guard,

    /// <summary>Held between a look at a heap's limit and taking what it allows.</summary>
    MemoryLimit,

    PageHeap,
    MagazinePool,
    MisuseLog,

    /// <summary>The process's table of huge blocks.</summary>
    HugeBlocks,

    /// <summary>The process's table of guards of huge blocks.</summary>
    HugeGuards,

    /// <summary>The process's map of arenas, while a piece of it goes.</summary>
    ArenaMap,

    /// <summary>Memory for a heap's records.</summary>
    Metadata,
}
