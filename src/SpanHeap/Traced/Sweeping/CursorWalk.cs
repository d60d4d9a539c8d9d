using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Sweeping;

/// <summary>Visits the cursors of a cache that may have a span, with their span classes. Used by the owner of the cache.</summary>
internal unsafe ref struct CursorWalk(TracedCache* cache)
{
    private readonly TracedCache* _cache = cache;
    private readonly uint _spanClasses = (uint)SpanClasses.Count;

    public uint SpanClass { get; private set; }

    public readonly AllocCursor* Current => TracedCache.Cursor(_cache, SpanClass);

    public bool MoveNext()
    {
        // Number 0 means no span class.
        for (SpanClass++; SpanClass < _spanClasses && !TracedCache.HasCursor(_cache, SpanClass); SpanClass = CursorBlock.FirstClassAfter(SpanClass))
        {
        }

        return SpanClass < _spanClasses;
    }
}
