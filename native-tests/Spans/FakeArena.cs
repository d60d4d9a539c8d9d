using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>An arena's header without its pages: enough for spans, bits and entries. Not in the arena map.</summary>
internal sealed unsafe class FakeArena : IDisposable
{
    private readonly void* _header;

    public FakeArena(bool withTracedBitmaps = false)
    {
        nuint bytes = (nuint)ArenaHeader.Bytes(withLiveBits: true, withTracedBitmaps);
        _header = NativeMemory.AlignedAlloc(bytes, (nuint)PageGeometry.ArenaSize);
        NativeMemory.Clear(_header, bytes);
    }

    public nint Base => (nint)_header;

    public nint Page(int number) => Base + ((nint)number << PageGeometry.PageShift);

    /// <summary>A span of a class with all slots free, as a refill finds it.</summary>
    public Span* MakeSpan(int firstPage, uint sizeClass)
    {
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        Span* span = ArenaHeader.SpanAt(Page(firstPage));
        *span = new Span
        {
            Base = Page(firstPage),
            SlotSize = info.Size,
            Pages = info.Pages,
            Slots = info.Slots,
            FreeSlots = info.Slots,
            SizeClass = (byte)sizeClass,
            State = SpanState.InUse,
        };
        AllocBits.Initialize(ArenaHeader.AllocBits(span), info.Slots);
        return span;
    }

    public void Dispose() => NativeMemory.AlignedFree(_header);
}
