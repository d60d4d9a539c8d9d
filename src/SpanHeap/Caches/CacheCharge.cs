using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Counts a heap's thread caches towards its limit. A cache counts with its size or, after its memory has been given back, with the one page that
/// stays.
/// </summary>
/// <param name="limit">What is charged; null for a registry without a heap.</param>
/// <remarks>Thread safe.</remarks>
internal sealed class CacheCharge(HeapLimit? limit)
{
    private static readonly long s_givenBackBytes = Math.Max(0, ThreadCache.Size - (long)OsMemory.PageSize);

    /// <summary>Charges a new cache of a thread. Returns false when the limit refuses it.</summary>
    public bool TryAdd() => limit == null || limit.TryAddCacheBytes(ThreadCache.Size);

    /// <summary>Charges the central cache, which a heap has whatever its limit is.</summary>
    public void AddCentral() => limit?.AddCacheBytes(ThreadCache.Size);

    /// <summary>Reverses the charge for a cache that could not be created.</summary>
    public void Remove() => limit?.AddCacheBytes(-ThreadCache.Size);

    /// <summary>Notes that a cache has given its memory back.</summary>
    public void NoteGivenBack() => limit?.AddCacheBytes(-s_givenBackBytes);

    /// <summary>Charges a cache that is about to need its memory again. Returns false when the limit refuses it.</summary>
    public bool TryRestore() => limit == null || limit.TryAddCacheBytes((nuint)s_givenBackBytes);
}
