using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Collecting;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Scopes;

/// <summary>The slow paths of allocation; the caller is in a scope.</summary>
/// <remarks>Thread safe. They never wait for a collection.</remarks>
internal sealed unsafe class TracedAllocator(HeapCore core, HeapIdentity heap, TracedSpanSource spans, TracedRefill refill, AllocationColor color, Nursery nursery, Sweeper sweeper, Pacer pacer, MarkAssists assists, IdleCollection? idle)
{
    // The bytes that a cache takes before it reports them: the heap's error for each thread and span class.
    private const long BytesPerReport = 32 * 1024;

    // The largest number of spans that a large block sweeps for each of its pages in search of free ones: a few microseconds a page, less than it
    // takes to clear it.
    private const long SpansPerLargePage = 8;

    /// <summary>Allocates a slot for a block of a span class with shared spans; its bytes are not cleared. The caller is in a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
    public nint Allocate(TracedCache* cache, uint spanClass)
    {
        bool relieved = false;
        nint block;
        if (!CursorBlock.TryMake(cache, spanClass, core.Metadata))
        {
            ThrowHelper.OutOfMemory(heap.Name, CursorBlock.Bytes, heap.MemoryLimit);
        }

        while ((block = TracedCache.TryTake(cache, spanClass)) == 0)
        {
            ReportMany(cache);
            if (!refill.TryRefill(cache, spanClass, sweeper.Generation, out PageRefusal refusal))
            {
                ref readonly SizeClassInfo info = ref SizeClasses.Info(SpanClasses.Info(spanClass)->SizeClass);
                MakeRoom(cache, info.Pages, (nuint)info.Size, refusal, ref relieved);
            }
        }

        return block;
    }

    /// <summary>Allocates a zeroed block with a span of its own. The caller is in a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, the heap is at its limit, or the block is larger than fits in an arena.</exception>
    public nint AllocateLarge(TracedCache* cache, uint spanClass, nuint byteCount)
    {
        nuint pages = PageGeometry.PagesFor(byteCount);
        if (!core.Pages.Geometry.Fits(pages, 1))
        {
            ThrowHelper.OutOfMemory(
                $"A traced block of {byteCount} bytes is larger than the {(long)core.Pages.Geometry.MaxRun << PageGeometry.PageShift} that the heap '{heap.Name}' can hold in one.");
        }

        int count = spans.LargePages((int)pages);

        // Unswept pages are preferred to new ones, but no thread waits until the whole heap is swept.
        sweeper.Reclaim((long)pages, SpansPerLargePage * (long)pages);
        bool relieved = false;
        uint generation = sweeper.Generation;
        bool guarded = refill.IsLargeInSample(cache);
        TracedSpan* span;
        bool needsZero;
        while ((span = spans.TryCreate(spanClass, count, generation, guarded, out needsZero, out PageRefusal refusal)) == null)
        {
            // If a sampled block cannot be guarded, it becomes an ordinary one.
            if (!guarded)
            {
                MakeRoom(cache, count, (nuint)count << PageGeometry.PageShift, refusal, ref relieved);
            }

            guarded = false;
        }

        nint block = span->Span.Base;
        if (needsZero)
        {
            MemoryClearing.Clear(core.Os, (void*)block, (nuint)span->Span.Pages << PageGeometry.PageShift);
        }

        *TracedBits.WordOf(block, SweepGeneration.AllocBitmap(generation)) |= TracedBits.BitOf(block);
        color.Apply(block, TracedBits.BitOf(block), generation);
        span->Allocated = 1;
        if (nursery.TryTakeLarge(cache, span, generation))
        {
            return block;
        }

        cache->BytesTaken += (long)span->Span.SlotSize;
        spans.SetOf(spanClass)->AddSwept(span, generation);
        Report(cache);
        return block;
    }

    /// <summary>Reports the bytes that a cache has taken, if they are many. The caller is in a scope.</summary>
    public void ReportMany(TracedCache* cache)
    {
        if (cache->BytesTaken >= BytesPerReport)
        {
            Report(cache);
        }
    }

    private void Report(TracedCache* cache)
    {
        long bytes = cache->BytesTaken;
        cache->BytesTaken = 0;
        pacer.NoteTaken(bytes);
        assists.Pay();
        idle?.Arm();
    }

    // Pages are lacking: tries more arenas, then what can be swept, then what lies idle in caches.
    private void MakeRoom(TracedCache* cache, int pages, nuint slotSize, PageRefusal refusal, ref bool relieved)
    {
        if (refusal == PageRefusal.NoRun && spans.TryGrow(pages))
        {
            return;
        }

        // Nothing else is left: sweep as far as it takes. Threads that are still sweeping may be about to give back the pages that are lacking.
        // With full checks, the quarantine goes first, and after the sweep what the sweep has put there.
        if (sweeper.EmptyQuarantine() || sweeper.Reclaim(pages, long.MaxValue) > 0 || sweeper.WaitForOthers() || sweeper.EmptyQuarantine())
        {
            return;
        }

        if (!relieved)
        {
            relieved = true;
            nursery.Leave(cache, sweeper.Generation);
            core.Trim();
            if (spans.IsWithinLimit(pages, slotSize))
            {
                core.Guard?.RetireFor((nuint)pages << PageGeometry.PageShift);
            }

            return;
        }

        pacer.NoteRefused();
        ThrowHelper.OutOfMemory(
            $"The heap '{heap.Name}' has no room for {(long)pages << PageGeometry.PageShift} bytes within the scope of thread {Environment.CurrentManagedThreadId}: " +
            "blocks that have died since it began can be collected only after it ends, or in Yield().");
    }
}
