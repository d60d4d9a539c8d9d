using SpanHeap.Pages;

namespace SpanHeap.Traced.Spans;

/// <summary>Visits every address of a heap's traced spans that has a bit in a bitmap, in address order. No thread is in a scope or sweeps.</summary>
internal unsafe ref struct TracedBitWalk(PageHeap pages, uint bitmap)
{
    private TracedWalk _spans = new(pages);
    private int _word;
    private int _words;
    private ulong _bits;

    public nint Current { get; private set; }

    public readonly TracedSpan* Span => _spans.Current;

    public bool MoveNext()
    {
        while (_bits == 0)
        {
            if (++_word >= _words)
            {
                if (!_spans.MoveNext())
                {
                    return false;
                }

                // A large block has a single bit, for its first byte.
                _word = 0;
                _words = Span->Span.Slots == 1 ? 1 : TracedSlots.Words(Span);
            }

            _bits = *TracedSlots.Word(Span, _word, bitmap);
        }

        Current = TracedSlots.AddressOf(Span, _word, _bits);
        _bits &= _bits - 1;
        return true;
    }
}
