using SpanHeap.Caches;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>Visits every traced span of a heap by way of its page entries, in address order. No thread is in a scope, and nobody sweeps.</summary>
internal unsafe ref struct TracedWalk(HeapCore heap)
{
    private readonly HeapCore _heap = heap;
    private int _arena;
    private int _page = heap.Pages.Geometry.HeaderPages;

    public TracedSpan* Current { get; private set; }

    public bool MoveNext()
    {
        int pages = _heap.Pages.Geometry.PagesPerArena;
        for (; _heap.Pages.TryGetArena(_arena, out nint arena); _arena++)
        {
            for (; _page < pages; _page++)
            {
                nint address = arena + ((nint)_page << PageGeometry.PageShift);
                if (PageEntry.IsTraced(Volatile.Read(ref *ArenaHeader.EntryOf(address))))
                {
                    Current = (TracedSpan*)ArenaHeader.SpanAt(address);
                    _page += Current->Span.Pages;
                    return true;
                }
            }

            _page = _heap.Pages.Geometry.HeaderPages;
        }

        return false;
    }
}
