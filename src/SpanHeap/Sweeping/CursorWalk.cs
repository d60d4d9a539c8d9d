using SpanHeap.Layouts;

namespace SpanHeap.Sweeping;

/// <summary>Visits the cursors of a cache that may have a span, with their kinds. By whoever has the cache.</summary>
internal unsafe ref struct CursorWalk(TracedCache* cache)
{
    private readonly TracedCache* _cache = cache;
    private readonly uint _kinds = (uint)TracedKinds.Count;

    public uint Kind { get; private set; }

    public readonly AllocCursor* Current => TracedCache.Cursor(_cache, Kind);

    public bool MoveNext()
    {
        // Number 0 is no kind.
        for (Kind++; Kind < _kinds && !TracedCache.HasCursor(_cache, Kind); Kind = CursorBlock.FirstKindAfter(Kind))
        {
        }

        return Kind < _kinds;
    }
}
