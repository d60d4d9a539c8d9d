using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// What a heap's thread caches count towards its limit: a cache counts its size, or, while its memory has been given back, the one page that
/// stays.
/// </summary>
/// <param name="arenas">Where it is charged; null for a registry without a heap.</param>
/// <remarks>Thread safe.</remarks>
internal sealed class CacheAccount(ArenaSource? arenas)
{
    private static readonly long s_givenBackBytes = Math.Max(0, ThreadCache.Size - (long)OsMemory.PageSize);

    /// <summary>Charges a new cache of a thread; false when the limit refuses it.</summary>
    public bool TryAdd() => arenas == null || arenas.TryAddCacheBytes(ThreadCache.Size);

    /// <summary>Charges the central cache, which a heap has whatever its limit.</summary>
    public void AddCentral() => arenas?.AddCacheBytes(ThreadCache.Size);

    /// <summary>Takes back the charge for a cache that could not be made.</summary>
    public void Remove() => arenas?.AddCacheBytes(-ThreadCache.Size);

    /// <summary>Notes that a cache has given its memory back.</summary>
    public void NoteGivenBack() => arenas?.AddCacheBytes(-s_givenBackBytes);

    /// <summary>Charges a cache that is about to need its memory again; false when the limit refuses it.</summary>
    public bool TryRestore() => arenas == null || arenas.TryAddCacheBytes((nuint)s_givenBackBytes);
}
