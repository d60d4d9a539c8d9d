using SpanHeap.Heap;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>Visits every span of manual blocks of a heap through its page entries, in address order, and counts the others.</summary>
/// <remarks>No thread may use the heap meanwhile.</remarks>
/// <param name="heap">The heap.</param>
internal unsafe ref struct SpanWalk(HeapCore heap)
{
    private readonly HeapCore _heap = heap;
    private int _arena;
    private int _page = heap.Pages.Geometry.HeaderPages;

    /// <summary>The span that is visited.</summary>
    public Span* Current { get; private set; }

    /// <summary>The number of spans of traced blocks passed so far.</summary>
    public int TracedSpans { get; private set; }

    /// <summary>The number of pages of the spans of traced blocks passed so far.</summary>
    public long TracedPages { get; private set; }

    /// <summary>The number of spans of guarded blocks passed so far, live or in quarantine.</summary>
    public int GuardedSpans { get; private set; }

    /// <summary>The number of pages of the spans of guarded blocks passed so far.</summary>
    public long GuardedPages { get; private set; }

    public bool MoveNext()
    {
        int pages = _heap.Pages.Geometry.PagesPerArena;
        for (; _heap.Pages.TryGetArena(_arena, out nint arena); _arena++)
        {
            uint* entries = ArenaHeader.EntryOf(arena);
            for (; _page < pages; _page++)
            {
                uint entry = Volatile.Read(ref entries[_page]);
                if (PageEntry.IsTraced(entry))
                {
                    int passed = Math.Clamp(ArenaHeader.SpanAt(arena + ((nint)_page << PageGeometry.PageShift))->Pages, 1, pages - _page);
                    TracedSpans++;
                    TracedPages += passed;
                    _page += passed - 1;
                }
                else if (PageEntry.IsGuarded(entry))
                {
                    GuardedSpans += PageEntry.PagesFromFirstOfGuarded(entry) == 0 ? 1 : 0;
                    GuardedPages++;
                }
                else if (entry != PageEntry.Unused)
                {
                    nint address = arena + ((nint)_page << PageGeometry.PageShift);
                    Current = ArenaHeader.SpanOf(address, entry);
                    int length = Current->Pages;
                    bool fits = Current->State == SpanState.InUse && Current->Base == address && Current->SizeClass <= SizeClasses.Last
                        && length > 0 && length <= pages - _page;
                    if (fits)
                    {
                        _page += length;
                        return true;
                    }

                    throw HeapVerifier.Inconsistent(address, $"the entry 0x{entry:x} names a span that does not begin here");
                }
            }

            _page = _heap.Pages.Geometry.HeaderPages;
        }

        return false;
    }
}
