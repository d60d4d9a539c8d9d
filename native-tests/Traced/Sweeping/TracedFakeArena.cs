using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Spans;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>The header of an arena with bitmaps of traced blocks, without its pages. Not in the arena map.</summary>
internal sealed unsafe class TracedFakeArena : IDisposable
{
    private readonly FakeArena _arena = new(withTracedBitmaps: true);

    /// <summary>A span of a class, or of one large block.</summary>
    public TracedSpan* MakeSpan(int firstPage, uint sizeClass, int pages = 0)
    {
        nint address = _arena.Page(firstPage);
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanAt(address);
        *span = default;
        span->Span.Base = address;
        span->Span.Pages = pages != 0 ? pages : info.Pages;
        span->Span.SlotSize = pages != 0 ? (nuint)pages << PageGeometry.PageShift : info.Size;
        span->Span.Slots = pages != 0 ? 1 : (int)(((uint)info.Pages << PageGeometry.PageShift) / info.Size);
        span->Span.State = SpanState.Traced;
        return span;
    }

    public void Dispose() => _arena.Dispose();
}
