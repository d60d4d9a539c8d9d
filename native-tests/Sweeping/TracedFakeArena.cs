using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Sweeping;

/// <summary>The header of an arena with planes of traced blocks, without its pages. Not in the arena map.</summary>
internal sealed unsafe class TracedFakeArena : IDisposable
{
    private readonly void* _header;

    public TracedFakeArena()
    {
        nuint bytes = (nuint)ArenaHeader.Bytes(withLiveBits: true, withTracedPlanes: true);
        _header = NativeMemory.AlignedAlloc(bytes, (nuint)PageGeometry.ArenaSize);
        NativeMemory.Clear(_header, bytes);
    }

    /// <summary>A span of a class, or of one large block.</summary>
    public TracedSpan* MakeSpan(int firstPage, uint sizeClass, int pages = 0)
    {
        nint address = (nint)_header + ((nint)firstPage << PageGeometry.PageShift);
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

    public void Dispose() => NativeMemory.AlignedFree(_header);
}
