using SpanHeap.Layouts;
using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tracing;

namespace SpanHeap.Diagnostics;

/// <summary>Who has each span of traced blocks: a list of the set of its kind, or a cache. Nobody uses the heap, and nobody sweeps.</summary>
internal sealed unsafe class TracedHolders
{
    private readonly TracedHeap _heap;
    private readonly uint _generation;
    private readonly HashSet<nint> _listed = [];
    private readonly HashSet<nint> _cached = [];

    /// <exception cref="HeapCorruptionException">A list or a cache has what it cannot have.</exception>
    public TracedHolders(TracedHeap heap)
    {
        _heap = heap;
        _generation = heap.Sweeper.Generation;
        for (uint kind = 0; kind < (uint)TracedKinds.Count; kind++)
        {
            for (int list = 0; list < TracedSpanSet.Lists; list++)
            {
                VerifyList(heap.Spans.SetOf(kind)->First(list), kind, list);
            }
        }

        for (TracedCache* cache = heap.Caches.Last; cache != null; cache = cache->Previous)
        {
            VerifyCache(cache);
        }
    }

    /// <summary>Caches that have not given back yet what they had when the cycle began.</summary>
    public int StaleCaches { get; private set; }

    /// <summary>Bytes of slots that caches have taken and not told the heap of.</summary>
    public long BytesTaken { get; private set; }

    public int Count => _listed.Count + _cached.Count;

    public bool IsListed(TracedSpan* span) => _listed.Contains((nint)span);

    public bool IsCached(TracedSpan* span) => _cached.Contains((nint)span);

    private void VerifyList(TracedSpan* first, uint kind, int list)
    {
        for (TracedSpan* span = first; span != null; span = (TracedSpan*)span->Span.Next)
        {
            RequireRecord(span, "a list of traced spans");
            nint address = span->Span.Base;
            HeapVerifier.Require(_listed.Add((nint)span), address, "a traced span is listed twice");
            HeapVerifier.Require(span->Kind == kind, address, $"a traced span of kind {span->Kind} is in the set of kind {kind}");
            HeapVerifier.Require(span->Span.Listed, address, "a listed traced span does not know that it is");
            uint state = SweepGeneration.Of(span);
            HeapVerifier.Require(
                state == _generation || state == SweepGeneration.Unswept(_generation),
                address,
                $"a listed traced span has the generation {state}, the heap {_generation}");
            HeapVerifier.Require(
                list == TracedSpanSet.ListOf(state, span->Allocated == span->Span.Slots),
                address,
                $"a traced span of generation {state} with {span->Allocated} of {span->Span.Slots} slots allocated is in list {list}");
        }
    }

    private void VerifyCache(TracedCache* cache)
    {
        bool current = cache->Generation == _generation || !cache->WasUsed;
        bool stale = cache->Generation == SweepGeneration.Unswept(_generation);
        HeapVerifier.Require(current || stale, (nint)cache, $"a cache of traced slots has the generation {cache->Generation}, the heap {_generation}");
        HeapVerifier.Require(cache->Depth >= 0, (nint)cache, $"a cache of traced slots counts {cache->Depth} scopes");
        StaleCaches += stale ? 1 : 0;
        BytesTaken += cache->BytesTaken;
        CursorWalk cursors = new(cache);
        while (cursors.MoveNext())
        {
            AllocCursor* cursor = cursors.Current;
            if (cursor->Span == null)
            {
                HeapVerifier.Require(cursor->Free == 0, (nint)cursor, "a cursor has slots and no span");
                continue;
            }

            RequireRecord(cursor->Span, "a cursor");
            VerifyCursor(cursor, cursors.Kind, cache->Generation);
        }
    }

    private void VerifyCursor(AllocCursor* cursor, uint kind, uint generation)
    {
        TracedSpan* span = cursor->Span;
        nint address = span->Span.Base;
        HeapVerifier.Require(_cached.Add((nint)span), address, "a traced span is cached twice");
        HeapVerifier.Require(!IsListed(span) && !span->Span.Listed, address, "a traced span is cached and listed");
        HeapVerifier.Require(span->Kind == kind, address, $"a traced span of kind {span->Kind} is in the cursor of kind {kind}");

        // Of a stale cache that is what the heap's generation reads as stale.
        uint expected = SweepGeneration.Cached(generation);
        uint state = SweepGeneration.Of(span);
        HeapVerifier.Require(state == expected, address, $"a cached traced span has the generation {state} and should have {expected}");
        HeapVerifier.Require(
            cursor->NextWord >= 0 && cursor->NextWord <= TracedSlots.Words(span), address, $"a cursor's next word is {cursor->NextWord} of {TracedSlots.Words(span)}");
        if (cursor->Free == 0)
        {
            return;
        }

        int word = cursor->NextWord - 1;
        HeapVerifier.Require(
            word >= 0 && cursor->Base == TracedSlots.AddressOf(span, word), address, $"a cursor stands at 0x{cursor->Base:x}, which is not its span's word {word}");
        ulong bits = *TracedSlots.Word(span, word, SweepGeneration.AllocPlane(generation));
        HeapVerifier.Require((cursor->Free & ~bits) == 0, address, "a cursor has a slot that is not allocated");
    }

    private void RequireRecord(TracedSpan* span, string holder)
    {
        bool known = ArenaMap.IsInArenaOf(_heap.Serial, (nint)span) && span->Span.State == SpanState.Traced
            && ArenaMap.IsInArenaOf(_heap.Serial, span->Span.Base) && (nint)ArenaHeader.SpanAt(span->Span.Base) == (nint)span;
        HeapVerifier.Require(known, (nint)span, $"{holder} names what is no traced span");
    }
}
