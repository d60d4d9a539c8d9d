using SpanHeap.Caches;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>Visits every span of a heap by way of its page entries, in address order.</summary>
internal unsafe ref struct SpanWalk(HeapCore heap)
{
    private readonly HeapCore _heap = heap;
    private int _arena;
    private int _page = heap.Pages.Geometry.HeaderPages;

    /// <summary>The span visited.</summary>
    public Span* Current { get; private set; }

    public bool MoveNext()
    {
        int pages = _heap.Pages.Geometry.PagesPerArena;
        for (; _heap.Pages.TryGetArena(_arena, out nint arena); _arena++)
        {
            uint* entries = ArenaHeader.EntryOf(arena);
            for (; _page < pages; _page++)
            {
                uint entry = Volatile.Read(ref entries[_page]);
                if (entry != PageEntry.Unused)
                {
                    nint address = arena + ((nint)_page << PageGeometry.PageShift);
                    Current = ArenaHeader.SpanOf(address, entry);
                    if (Current->State != SpanState.InUse || Current->Base != address || Current->Pages <= 0)
                    {
                        throw HeapVerifier.Inconsistent(address, $"the entry 0x{entry:x} names a span that does not begin here");
                    }

                    _page += Current->Pages;
                    return true;
                }
            }

            _page = _heap.Pages.Geometry.HeaderPages;
        }

        return false;
    }
}
