using System.Runtime.InteropServices;

namespace SpanHeap.Heap;

/// <summary>
/// Looks for a heap's dead threads after each garbage collection. It is an unreachable object that each collection finalizes and that registers
/// itself for the next one. It replaces a finalizable object for each thread, and holds the heap weakly.
/// </summary>
internal sealed class CollectionWatch
{
    // Not a WeakReference: that is finalized, too, perhaps before this object, and would then be empty.
    private GCHandle _heap;

    private CollectionWatch(MaintainedParts heap) => _heap = GCHandle.Alloc(heap, GCHandleType.Weak);

    ~CollectionWatch()
    {
        GarbageRelief.NoteFinalizerThread();
        if (!_heap.IsAllocated)
        {
            return;
        }

        if (_heap.Target is MaintainedParts { State.IsDisposed: false } heap)
        {
            heap.Registry.Poll(int.MaxValue);
            GC.ReRegisterForFinalize(this);
            return;
        }

        _heap.Free();
    }

    public static void Start(MaintainedParts heap) => _ = new CollectionWatch(heap);
}
