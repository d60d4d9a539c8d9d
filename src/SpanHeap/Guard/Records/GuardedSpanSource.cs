using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Records;

/// <summary>
/// Takes address space for guarded spans and gives it back. A span is a run of an arena's pages. A span that no arena holds is memory of
/// the platform; it is found by <see cref="HugeBlockTable"/> instead of page entries, and has its record in <see cref="HugeGuards"/>. Everything else
/// is the same for both.
/// </summary>
/// <remarks>
/// Thread safe, and called without a lock. A span that is taken has pages, a base and nothing else, and belongs to the caller alone. From
/// taking a huge span to releasing it, its heap keeps a place among the guards and one among the huge blocks.
/// </remarks>
internal sealed unsafe class GuardedSpanSource(OsMemory os, PageHeap pages, ArenaSource arenas, HeapLimit limit, GuardCharge charge)
{
    /// <summary>Whether an arena can hold a span of such a layout.</summary>
    public bool FitsArena(in GuardLayout layout) => pages.Geometry.Fits(layout.Pages, layout.Alignment);

    /// <summary>Tries once to take a span in an arena, and has its block count towards the heap's limit.</summary>
    /// <returns>The reason for the refusal; <see cref="PageRefusal.None"/> when the span was taken.</returns>
    public PageRefusal TryTake(in GuardLayout layout, nuint byteCount, out GuardedSpan* span, out bool needsZero)
    {
        span = null;
        needsZero = false;
        PageRefusal refusal = limit.TryAllocateGuarded((int)layout.Pages, (int)layout.Alignment, charge.Of(byteCount), out PageRun run);
        if (refusal == PageRefusal.None)
        {
            needsZero = run.NeedsZero;
            span = (GuardedSpan*)ArenaHeader.SpanAt(run.Address);
            *span = default;
            span->Span.Base = run.Address;
            span->Span.Pages = run.Pages;
        }

        return refusal;
    }

    /// <summary>Tries once to take a huge span, which the caller has made count; null when the platform has no memory, or a table no place.</summary>
    public GuardedSpan* TryTakeHuge(in GuardLayout layout, bool zeroed)
    {
        nuint bytes = layout.Pages << PageGeometry.PageShift;
        nuint alignment = layout.Alignment << PageGeometry.PageShift;
        HugeGuard* guard = HugeGuards.TryTake();
        bool reserved = guard != null && HugeBlockTable.TryReserve(os);
        if (!reserved || !HugeBlockTable.TryMake(os, arenas.HeapSerial, bytes, alignment, zeroed, out HugeBlock block))
        {
            ReleasePlaces(guard, reserved);
            return null;
        }

        guard->Guarded = default;
        guard->Guarded.IsHuge = true;
        guard->Guarded.Span.Base = block.Address;
        guard->Guarded.Span.Pages = (int)layout.Pages;
        guard->Platform = block.Platform;
        guard->PlatformPages = (long)(block.PlatformBytes >> PageGeometry.PageShift);
        return &guard->Guarded;
    }

    /// <summary>Gives a span back. No thread finds it any more, and all of its pages are accessible.</summary>
    public void Release(GuardedSpan* span)
    {
        if (!span->IsHuge)
        {
            limit.FreeGuarded(span->Span.Base, span->Span.Pages);
            return;
        }

        HugeGuard* guard = (HugeGuard*)span;
        os.Free(guard->Platform);
        ReleasePlaces(guard, reserved: true);
    }

    private static void ReleasePlaces(HugeGuard* guard, bool reserved)
    {
        if (reserved)
        {
            HugeBlockTable.Unreserve();
        }

        if (guard != null)
        {
            HugeGuards.Release(guard);
        }
    }
}
