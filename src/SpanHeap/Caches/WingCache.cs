namespace SpanHeap.Caches;

/// <summary>
/// The beginning of what the wing of traced memory keeps for a thread's cache. The wing's own type begins with it, so that a cache refers to it
/// without knowing the wing.
/// </summary>
internal unsafe struct WingCache
{
    /// <summary>The thread cache that this belongs to. Constant.</summary>
    public ThreadCache* Owner;
}
