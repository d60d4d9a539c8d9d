using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Drains the blocks that are parked below a stack as <see cref="MagazineReturn"/> does, each method with one step done wrongly.</summary>
internal static unsafe class MutantParking
{
    /// <summary>Looks for the parked blocks before it has the lock: the thread may have taken them back in between.</summary>
    public static void DrainWhatWasSeenBefore(HeapCore heap, ThreadCache* cache, uint sizeClass)
    {
        ClassStack* stack = ThreadCache.Stack(cache, sizeClass);
        nint* oldest = stack->Oldest;
        int parked = stack->Parked;
        InterleavingPoints.At(InterleavingPoint.StackRead);
        cache->Lock.Enter();
        Return(heap, cache, sizeClass, oldest, parked);
        stack->Parked = 0;
        StackParking.NoteParked(cache, ThreadCache.Bin(cache, sizeClass), -parked, in SizeClasses.Info(sizeClass));
        cache->Lock.Exit();
    }

    /// <summary>Takes the blocks above the base for parked ones: they are the thread's, which takes no lock to pop them.</summary>
    public static void DrainPastTheBase(HeapCore heap, ThreadCache* cache, uint sizeClass)
    {
        ClassStack* stack = ThreadCache.Stack(cache, sizeClass);
        cache->Lock.Enter();
        int parked = stack->Parked;
        Return(heap, cache, sizeClass, stack->Oldest, parked + stack->Count);
        stack->Top = stack->Base;
        stack->Parked = 0;
        StackParking.NoteParked(cache, ThreadCache.Bin(cache, sizeClass), -parked, in SizeClasses.Info(sizeClass));
        cache->Lock.Exit();
    }

    // Into a copy, because a return overwrites what it is given.
    private static void Return(HeapCore heap, ThreadCache* cache, uint sizeClass, nint* blocks, int count)
    {
        nint* copy = stackalloc nint[Magazine.Capacity];
        new Span<nint>(blocks, count).CopyTo(new Span<nint>(copy, Magazine.Capacity));
        new SpanReturn(heap.Spans, heap.Misuse, new NotedCaches()).Return(cache, copy, count);
    }
}
