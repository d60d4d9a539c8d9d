using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>Visits every address of a heap's traced spans that has a bit in a plane, in address order. No thread is in a scope, and nobody sweeps.</summary>
internal unsafe ref struct TracedBitWalk(HeapCore heap, uint plane)
{
    private TracedWalk _spans = new(heap);
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

                // A large block has the one bit of its first byte.
                _word = 0;
                _words = Span->Span.Slots == 1 ? 1 : TracedSlots.Words(Span);
            }

            _bits = *TracedSlots.Word(Span, _word, plane);
        }

        Current = TracedSlots.AddressOf(Span, _word, _bits);
        _bits &= _bits - 1;
        return true;
    }
}
