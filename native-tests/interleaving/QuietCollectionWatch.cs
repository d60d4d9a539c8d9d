namespace SpanHeap.Heap;

/// <summary>
/// Takes the place of the library's own: a garbage collection looks for no dead threads here, because it comes at a time that no order
/// decides.
/// </summary>
internal static class CollectionWatch
{
    public static void Start(MaintainedParts heap) => _ = heap;
}
