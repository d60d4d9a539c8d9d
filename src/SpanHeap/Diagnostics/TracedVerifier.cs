using System.Numerics;
using SpanHeap.Layouts;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tracing;

namespace SpanHeap.Diagnostics;

/// <summary>
/// Walks all metadata of a heap's traced memory and compares what is said twice; then all references. Nobody uses the heap, and nobody
/// sweeps: spans may be swept or not, and caches may have what they had before the last cycle.
/// </summary>
internal sealed unsafe class TracedVerifier
{
    private readonly TracedHeap _heap;
    private readonly uint _generation;
    private readonly TracedHolders _holders;
    private readonly LiveBlocks _live;
    private long _spans;
    private long _pages;
    private long _bytesInUse;
    private long _liveBytes;
    private bool _anyUnswept;

    private TracedVerifier(TracedHeap heap)
    {
        _heap = heap;
        _generation = heap.Sweeper.Generation;
        _holders = new TracedHolders(heap);
        _live = new LiveBlocks(heap);
    }

    /// <exception cref="HeapCorruptionException">Something does not agree; the message has the facts.</exception>
    public static bool Verify(TracedHeap heap)
    {
        TracedVerifier verifier = new(heap);
        verifier.VerifyArenas();
        verifier.VerifySums();
        heap.Roots.Verify();
        heap.WeakHandles.Verify();
        ReferenceCheck.Run(heap);
        return true;
    }

    private void VerifyArenas()
    {
        PageGeometry geometry = _heap.Core.Pages.Geometry;
        for (int index = 0; _heap.Core.Pages.TryGetArena(index, out nint arena); index++)
        {
            int page = geometry.HeaderPages;
            while (page < geometry.PagesPerArena)
            {
                nint address = arena + ((nint)page << PageGeometry.PageShift);
                uint entry = *ArenaHeader.EntryOf(address);
                if (PageEntry.IsTraced(entry))
                {
                    TracedSpan* span = (TracedSpan*)ArenaHeader.SpanAt(address);
                    VerifyShape(span, address, entry, geometry.PagesPerArena - page);
                    VerifyState(span);
                    VerifyBits(span);
                    page += span->Span.Pages;
                }
                else
                {
                    VerifyNoBits(address, 0);
                    VerifyNoBits(address, 1);
                    page++;
                }
            }
        }
    }

    private void VerifyShape(TracedSpan* span, nint address, uint entry, int room)
    {
        ref Span record = ref span->Span;
        HeapVerifier.Require(record.State == SpanState.Traced && record.Base == address, address, $"the entry 0x{entry:x} names a traced span that does not begin here");
        HeapVerifier.Require(span->Kind != TracedKinds.None && span->Kind < (uint)TracedKinds.Count, address, $"a traced span has the kind {span->Kind}");
        byte sizeClass = TracedKinds.Info(span->Kind)->SizeClass;
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        bool shaped = sizeClass == SizeClasses.None
            ? record.Slots == 1 && record.Pages > 0 && record.SlotSize == (nuint)record.Pages << PageGeometry.PageShift
            : record.SlotSize == info.Size && record.Pages == _heap.Spans.PagesOf(info, span->IsGuarded) && record.Slots == TracedSpanSource.SlotsOf(info, span->IsGuarded);
        HeapVerifier.Require(
            shaped && record.SizeClass == sizeClass && record.Pages <= room,
            address,
            $"a traced span of class {sizeClass} has {record.Slots} slots of {record.SlotSize} bytes in {record.Pages} pages");
        uint* entries = ArenaHeader.EntryOf(address);
        for (int page = 0; page < record.Pages; page++)
        {
            uint expected = page > 0 && record.Slots == 1 ? PageEntry.OfInside(page) : PageEntry.OfTraced(page, span->Kind);
            HeapVerifier.Require(entries[page] == expected, address, $"the entry of page {page} is 0x{entries[page]:x} and should be 0x{expected:x}");
        }

        _spans++;
        _pages += record.Pages;
        _bytesInUse += _heap.Spans.ChargeOf(span);
    }

    private void VerifyState(TracedSpan* span)
    {
        nint address = span->Span.Base;
        uint state = SweepGeneration.Of(span);
        bool cached = state == SweepGeneration.Cached(_generation) || state == SweepGeneration.StaleCached(_generation);
        bool known = cached || state == _generation || state == SweepGeneration.Unswept(_generation);
        HeapVerifier.Require(known, address, $"a traced span has the generation {state}, the heap {_generation}");
        HeapVerifier.Require(cached == _holders.IsCached(span), address, $"a traced span has the generation {state}, the heap {_generation}, and {(cached ? "no" : "a")} cache has it");
        HeapVerifier.Require(cached != _holders.IsListed(span), address, "a traced span is in no list and no cache has it");
        HeapVerifier.Require(span->Span.Listed != cached, address, "a traced span says that it is listed and is not, or the reverse");
        _anyUnswept |= state == SweepGeneration.Unswept(_generation);
    }

    // A span that is swept has one plane, and the other is ready for marks; one that is not yet swept has its marks where its next
    // alloc bits will be.
    private void VerifyBits(TracedSpan* span)
    {
        uint state = SweepGeneration.Of(span);
        bool swept = state == _generation || state == SweepGeneration.Cached(_generation);
        uint own = swept ? _live.Plane : _live.Plane ^ 1;
        int allocated = 0;
        for (int word = 0; word < TracedSlots.Words(span); word++)
        {
            nint address = TracedSlots.AddressOf(span, word);
            ulong starts = TracedSlots.Starts(span, word);
            ulong bits = *TracedSlots.Word(span, word, own);
            ulong other = *TracedSlots.Word(span, word, own ^ 1);
            HeapVerifier.Require((bits & ~starts) == 0, address, $"alloc bits 0x{bits:x} are set where no slot begins");
            HeapVerifier.Require(swept || (other & ~bits) == 0, address, $"marks 0x{other:x} are set of slots that are not allocated");
            HeapVerifier.Require(!swept || other == 0, address, $"marks 0x{other:x} are left in a span that is swept");
            allocated += BitOperations.PopCount(bits);
            _liveBytes += BitOperations.PopCount(swept ? bits : other) * (long)span->Span.SlotSize;
            if (_heap.IsChecked)
            {
                VerifyPoison(span, word, starts & ~bits);
            }
        }

        HeapVerifier.Require(
            allocated == span->Allocated, span->Span.Base, $"a traced span counts {span->Allocated} allocated slots, its alloc bits {allocated}");
    }

    private static void VerifyPoison(TracedSpan* span, int word, ulong free)
    {
        for (; free != 0 && span->Span.Slots > 1; free &= free - 1)
        {
            DeadBlockPoison.Verify(span, TracedSlots.AddressOf(span, word, free));
        }
    }

    private static void VerifyNoBits(nint page, uint plane)
    {
        int word = TracedBits.OfPage(page, plane).IndexOfAnyExcept(0UL);
        HeapVerifier.Require(word < 0, page, $"a page without traced blocks has bits of them, in word {word} of plane {plane}");
    }

    private void VerifySums()
    {
        TracedSpanSource spans = _heap.Spans;
        HeapVerifier.Require(_spans == spans.Count, 0, $"there are {_spans} traced spans, {spans.Count} are counted");
        HeapVerifier.Require(_pages == spans.PagesInUse, 0, $"traced spans have {_pages} pages, {spans.PagesInUse} are counted");
        HeapVerifier.Require(_bytesInUse == spans.BytesInUse, 0, $"traced spans count {_bytesInUse} bytes towards the limit, {spans.BytesInUse} are counted");
        long known = _heap.Pacer.LiveBytes + _holders.BytesTaken;
        HeapVerifier.Require(_liveBytes == known, 0, $"slots of {_liveBytes} bytes are marked or were taken since, and {known} are counted");
        HeapVerifier.Require(_spans == _holders.Count, 0, $"there are {_spans} traced spans, lists and caches have {_holders.Count}");
        Sweeper sweeper = _heap.Sweeper;
        HeapVerifier.Require(sweeper.Sweepers == 0, 0, $"{sweeper.Sweepers} are counted as sweeping, and nobody is");
        HeapVerifier.Require(
            sweeper.StaleCaches == _holders.StaleCaches, 0, $"there are {_holders.StaleCaches} caches of an earlier generation, {sweeper.StaleCaches} are counted");
        HeapVerifier.Require(sweeper.HasWork || !_anyUnswept, 0, "sweeping is said to have nothing left to begin, and there are traced spans that are not swept");
    }
}
