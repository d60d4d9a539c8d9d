using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Moves spans from one cache to another.</summary>
internal static unsafe class SpanTransfer
{
    /// <summary>
    /// Moves the first span with free slots of one cache to another cache. There is such a span, and the caller holds the locks of both caches.
    /// </summary>
    public static void MoveFirst(ThreadCache* from, ThreadCache* to, uint sizeClass)
    {
        from->Lock.AssertHeld();
        to->Lock.AssertHeld();
        ClassBin* source = ThreadCache.Bin(from, sizeClass);
        ClassBin* target = ThreadCache.Bin(to, sizeClass);
        Span* span = source->Head;
        Invariant.Assert(span != null && span->Owner == &from->Owner, "There is a span with free slots, which its list's cache owns.");
        ThreadCache.NoteUse(to, sizeClass);
        source->Remove(span);
        SpanSource.ChangeOwner(span, &to->Owner);
        target->AddFirst(span);
        source->Spans--;
        target->Spans++;
        int taken = span->Slots - span->FreeSlots;
        source->Outstanding -= taken;
        target->Outstanding += taken;
        source->EmptySpans -= taken == 0 ? 1 : 0;
        target->EmptySpans += taken == 0 ? 1 : 0;
        Invariant.Assert(source->Spans >= 0 && source->Outstanding >= 0 && source->EmptySpans >= 0, "No more leaves than was there.");
    }
}
