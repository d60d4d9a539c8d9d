using SpanHeap.Diagnostics;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// Finds what holds each span of traced blocks: a list of the set of its span class, a cache or the quarantine. No thread uses the heap or sweeps.
/// </summary>
internal sealed unsafe class TracedHolders
{
    private readonly TracedRecords _records;
    private readonly uint _generation;
    private readonly HashSet<nint> _listed = [];
    private readonly HashSet<nint> _cached = [];
    private readonly HashSet<nint> _kept = [];
    private long _bytesKept;

    /// <exception cref="HeapCorruptionException">A list or a cache holds something that it cannot hold.</exception>
    public TracedHolders(TracedRecords records)
    {
        _records = records;
        _generation = records.Sweeper.Generation;
        for (uint spanClass = 0; spanClass < (uint)SpanClasses.Count; spanClass++)
        {
            for (int list = 0; list < TracedSpanSet.Lists; list++)
            {
                VerifyList(records.Spans.SetOf(spanClass)->First(list), spanClass, list);
            }
        }

        records.Quarantine?.Visit(VerifyKept);
        HeapVerifier.Require(
            _bytesKept == (records.Quarantine?.Bytes ?? 0), 0, $"free slots that are kept back have {_bytesKept} bytes, {records.Quarantine?.Bytes} are counted");
        for (TracedCache* cache = records.Caches.Last; cache != null; cache = cache->Previous)
        {
            VerifyCache(cache);
        }
    }

    /// <summary>The number of caches that have not yet given back what they had when the cycle began.</summary>
    public int StaleCaches { get; private set; }

    /// <summary>The bytes of slots that caches have taken but not reported to the heap.</summary>
    public long BytesTaken { get; private set; }

    public int Count => _listed.Count + _cached.Count + _kept.Count;

    public bool IsListed(TracedSpan* span) => _listed.Contains((nint)span);

    public bool IsKept(TracedSpan* span) => _kept.Contains((nint)span);

    public bool IsCached(TracedSpan* span) => _cached.Contains((nint)span);

    private void VerifyList(TracedSpan* first, uint spanClass, int list)
    {
        for (TracedSpan* span = first; span != null; span = (TracedSpan*)span->Span.Next)
        {
            RequireRecord(span, "a list of traced spans");
            nint address = span->Span.Base;
            HeapVerifier.Require(_listed.Add((nint)span), address, "a traced span is listed twice");
            HeapVerifier.Require(span->SpanClass == spanClass, address, $"a traced span of span class {span->SpanClass} is in the set of span class {spanClass}");
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

    private void VerifyKept(nint record)
    {
        TracedSpan* span = (TracedSpan*)record;
        RequireRecord(span, "quarantine");
        nint address = span->Span.Base;
        HeapVerifier.Require(_kept.Add(record) && !IsListed(span) && !span->Span.Listed, address, "a traced span is kept back twice, or is listed");
        HeapVerifier.Require(span->KeptNumber != 0 && !span->IsGuarded, address, "a traced span that is kept back does not know that it is");
        _bytesKept += DeadSpanQuarantine.BytesOf(span);
        uint state = SweepGeneration.Of(span);
        HeapVerifier.Require(
            span->Allocated == 0 || state == _generation || state == SweepGeneration.Unswept(_generation),
            address,
            $"a traced span that is kept back has the generation {state}, the heap {_generation}");
    }

    private void VerifyCache(TracedCache* cache)
    {
        bool current = cache->Generation == _generation || !cache->WasUsed;
        bool stale = cache->Generation == SweepGeneration.Unswept(_generation);
        HeapVerifier.Require(current || stale, (nint)cache, $"a cache of traced slots has the generation {cache->Generation}, the heap {_generation}");
        HeapVerifier.Require(cache->Depth >= 0, (nint)cache, $"a cache of traced slots counts {cache->Depth} scopes");
        StaleCaches += stale ? 1 : 0;
        BytesTaken += cache->BytesTaken + cache->Nursery.Bytes;
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
            VerifyCached(cursor->Span, cursors.SpanClass, cache->Generation);
            VerifyCursor(cursor, cache->Generation);
        }

        VerifyNursery(cache);
    }

    // The spans of a nursery are in chains, one through the span of each cursor that is in the cache's list.
    private void VerifyNursery(TracedCache* cache)
    {
        long bytes = 0;
        for (uint spanClass = cache->Nursery.First; spanClass != 0; spanClass = TracedCache.Cursor(cache, spanClass)->NextInNursery)
        {
            TracedSpan* current = TracedCache.Cursor(cache, spanClass)->Span;
            for (TracedSpan* span = Nursery.FirstOf(current); span != null; span = (TracedSpan*)span->Span.Next)
            {
                bytes += VerifyInNursery(cache, span);
                HeapVerifier.Require(
                    span->Span.Next == null || (TracedSpan*)span->Span.Next->Previous == span,
                    span->Span.Base,
                    "two spans of a nursery do not agree which comes first");
                if (span != current)
                {
                    VerifyCached(span, spanClass, cache->Generation);
                }
            }
        }

        for (TracedSpan* span = cache->Nursery.Large; span != null; span = (TracedSpan*)span->Span.Next)
        {
            bytes += VerifyInNursery(cache, span);
            VerifyCached(span, span->SpanClass, cache->Generation);
        }

        bool isStale = cache->Generation != _generation;
        HeapVerifier.Require(
            isStale || bytes == cache->Nursery.Bytes, (nint)cache, $"slots of {bytes} bytes are taken in a nursery, {cache->Nursery.Bytes} are counted");
    }

    private long VerifyInNursery(TracedCache* cache, TracedSpan* span)
    {
        RequireRecord(span, "a nursery");
        HeapVerifier.Require(span->Nursery == &cache->Nursery.Escaped, span->Span.Base, "a span is in a nursery and does not know it");
        return span->Allocated * (long)span->Span.SlotSize;
    }

    private void VerifyCached(TracedSpan* span, uint spanClass, uint generation)
    {
        nint address = span->Span.Base;
        HeapVerifier.Require(_cached.Add((nint)span), address, "a traced span is cached twice");
        HeapVerifier.Require(!IsListed(span) && !span->Span.Listed, address, "a traced span is cached and listed");
        HeapVerifier.Require(!IsKept(span) && span->KeptNumber == 0, address, "a traced span is cached and kept back");
        HeapVerifier.Require(span->SpanClass == spanClass, address, $"a traced span of span class {span->SpanClass} is in the cursor of span class {spanClass}");

        // For a stale cache, this is the generation that the heap's generation makes stale.
        uint expected = SweepGeneration.Cached(generation);
        uint state = SweepGeneration.Of(span);
        HeapVerifier.Require(state == expected, address, $"a cached traced span has the generation {state} and should have {expected}");
    }

    private static void VerifyCursor(AllocCursor* cursor, uint generation)
    {
        TracedSpan* span = cursor->Span;
        nint address = span->Span.Base;
        HeapVerifier.Require(
            cursor->NextWord >= 0 && cursor->NextWord <= TracedSlots.Words(span), address, $"a cursor's next word is {cursor->NextWord} of {TracedSlots.Words(span)}");
        if (cursor->Free == 0)
        {
            return;
        }

        int word = cursor->NextWord - 1;
        HeapVerifier.Require(
            word >= 0 && cursor->Base == TracedSlots.AddressOf(span, word), address, $"a cursor stands at 0x{cursor->Base:x}, which is not its span's word {word}");
        ulong bits = *TracedSlots.Word(span, word, SweepGeneration.AllocBitmap(generation));
        HeapVerifier.Require((cursor->Free & ~bits) == 0, address, "a cursor has a slot that is not allocated");
    }

    private void RequireRecord(TracedSpan* span, string holder)
    {
        bool known = ArenaMap.IsInArenaOf(_records.Heap.Serial, (nint)span) && span->Span.State == SpanState.Traced
            && ArenaMap.IsInArenaOf(_records.Heap.Serial, span->Span.Base) && (nint)ArenaHeader.SpanAt(span->Span.Base) == (nint)span;
        HeapVerifier.Require(known, (nint)span, $"{holder} names what is no traced span");
    }
}
