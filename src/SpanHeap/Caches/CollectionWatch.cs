using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>
/// Looks for a heap's dead threads after each garbage collection: an object that nobody refers to, finalized by the collection and put
/// up for the next one. It takes the place of a finalizable object per thread, and holds the heap weakly.
/// </summary>
internal sealed class CollectionWatch
{
    // Not a WeakReference: that is finalized too, perhaps before this is, and is empty then.
    private GCHandle _heap;

    private CollectionWatch(HeapCore heap) => _heap = GCHandle.Alloc(heap, GCHandleType.Weak);

    ~CollectionWatch()
    {
        GarbageRelief.NoteFinalizerThread();
        if (!_heap.IsAllocated)
        {
            return;
        }

        if (_heap.Target is HeapCore { IsDisposed: false } heap)
        {
            heap.Registry.Poll(int.MaxValue);
            GC.ReRegisterForFinalize(this);
            return;
        }

        _heap.Free();
    }

    public static void Start(HeapCore heap) => _ = new CollectionWatch(heap);
}
