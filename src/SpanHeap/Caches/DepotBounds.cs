namespace SpanHeap.Caches;

/// <summary>Bounds what the depots of a cache hold.</summary>
internal static unsafe class DepotBounds
{
    // The bytes in all depots of a cache together, which a burst of frees may withhold from other classes until maintenance runs.
    private const long MaxBytes = 2 * 1024 * 1024;

    /// <summary>Determines whether all depots of a cache together may hold so many more bytes.</summary>
    public static bool HasRoom(ThreadCache* cache, long bytes) => cache->DepotBytes + bytes <= MaxBytes;

    /// <summary>Gets the number of blocks of a size that all depots of a cache together may still hold.</summary>
    public static int Room(ThreadCache* cache, uint blockBytes) => (int)(Math.Max(0, MaxBytes - cache->DepotBytes) / blockBytes);

    /// <summary>Determines whether a depot has no place for one more magazine of so many bytes.</summary>
    public static bool IsFull(ThreadCache* cache, ClassBin* bin, long bytes) =>
        bin->DepotCount == ClassBin.DepotSize || !HasRoom(cache, bytes);
}
