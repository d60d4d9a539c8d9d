using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Spans;

/// <summary>Visits every traced span of a heap by way of its page entries, in address order. No thread is in a scope or sweeps.</summary>
internal unsafe ref struct TracedWalk(PageHeap pages)
{
    private readonly PageHeap _pages = pages;
    private int _arena;
    private int _page = pages.Geometry.HeaderPages;

    public TracedSpan* Current { get; private set; }

    public bool MoveNext()
    {
        int count = _pages.Geometry.PagesPerArena;
        for (; _pages.TryGetArena(_arena, out nint arena); _arena++)
        {
            for (; _page < count; _page++)
            {
                nint address = arena + ((nint)_page << PageGeometry.PageShift);
                if (PageEntry.IsTraced(Volatile.Read(ref *ArenaHeader.EntryOf(address))))
                {
                    Current = (TracedSpan*)ArenaHeader.SpanAt(address);
                    _page += Current->Span.Pages;
                    return true;
                }
            }

            _page = _pages.Geometry.HeaderPages;
        }

        return false;
    }
}
