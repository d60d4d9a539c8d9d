namespace SpanHeap.Caches;

/// <summary>
/// Looks for a heap's dead threads after each garbage collection: an object that nobody refers to, finalized by the collection and put
/// up for the next one. It takes the place of a finalizable object per thread, and holds the heap weakly.
/// </summary>
internal sealed class CollectionWatch
{
    private readonly WeakReference<HeapCore> _heap;

    private CollectionWatch(HeapCore heap) => _heap = new WeakReference<HeapCore>(heap, trackResurrection: false);

    ~CollectionWatch()
    {
        if (!Environment.HasShutdownStarted && _heap.TryGetTarget(out HeapCore? heap) && !heap.IsDisposed)
        {
            heap.Registry.Poll(int.MaxValue);
            GC.ReRegisterForFinalize(this);
        }
    }

    public static void Start(HeapCore heap) => _ = new CollectionWatch(heap);
}
