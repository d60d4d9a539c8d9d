using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Takes the stacks of threads that wait as <see cref="StackReclaimer"/> does, each method with one step done wrongly.</summary>
internal static unsafe class MutantStackReclaimer
{
    /// <summary>Asks whether a thread waits before its way to the cache is closed: it may wake, and begin an operation, in between.</summary>
    public static void AskBeforeHiding(HeapCore heap) => Reclaim(heap, static (heap, cache, thread) =>
    {
        bool waits = thread.IsWaiting;
        InterleavingPoints.At(InterleavingPoint.SleeperAsked);
        if (waits && thread.TryHide((ThreadCache*)cache, heap.Number, heap.Serial))
        {
            Interlocked.MemoryBarrierProcessWide();
            heap.Caches.DrainStacks((ThreadCache*)cache);
            thread.Show((ThreadCache*)cache, heap.Number, heap.Serial);
        }
    });

    /// <summary>Asks whether a thread waits, and leaves its way to the cache open.</summary>
    public static void TakeInTheOpen(HeapCore heap) => Reclaim(heap, static (heap, cache, thread) =>
    {
        Interlocked.MemoryBarrierProcessWide();
        if (thread.IsWaiting)
        {
            InterleavingPoints.At(InterleavingPoint.SleeperAsked);
            heap.Caches.DrainStacks((ThreadCache*)cache);
        }
    });

    /// <summary>Does not ask whether a thread waits: closing its way to the cache is taken for enough.</summary>
    public static void TakeWithoutAsking(HeapCore heap) => Reclaim(heap, static (heap, cache, thread) =>
    {
        if (!thread.IsCurrent && thread.TryHide((ThreadCache*)cache, heap.Number, heap.Serial))
        {
            Interlocked.MemoryBarrierProcessWide();
            InterleavingPoints.At(InterleavingPoint.SleepersHidden);
            heap.Caches.DrainStacks((ThreadCache*)cache);
            thread.Show((ThreadCache*)cache, heap.Number, heap.Serial);
        }
    });

    /// <summary>Allocates with the cache that it had before a wait: what lies on its stacks may be just in other hands.</summary>
    public static nint AllocateWithFormerCache(HeapCore heap, uint sizeClass)
    {
        ThreadCache* cache = heap.FindOwnCache();
        InterleavingPoints.Sleep(InterleavingPoint.CallStackKept);
        ClassStack* stack = ThreadCache.ServingStack(cache, sizeClass, heap.IsHidden);
        return ClassStack.TryPop(stack, out void* block) ? (nint)block : 0;
    }

    private static void Reclaim(HeapCore heap, Action<HeapCore, nint, ThreadIdentity> take)
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry.BeginReclaim(i, out ThreadIdentity thread);
            if (cache != null)
            {
                take(heap, (nint)cache, thread);
                heap.Registry.EndReclaim(cache);
            }
        }
    }
}
