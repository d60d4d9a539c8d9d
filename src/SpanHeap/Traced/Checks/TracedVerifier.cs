using System.Numerics;
using SpanHeap.Diagnostics;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// Walks all metadata of a heap's traced memory and compares what is recorded twice; then follows all references. No thread uses the heap or
/// sweeps. Spans may be swept or not, and caches may hold what they had before the last cycle.
/// </summary>
internal sealed unsafe class TracedVerifier
{
    private const string NoBlocks = "a page without traced blocks has bits of them";
    private const string NotMarking = "blocks of a page wait for a marker, and none marks";

    private readonly TracedRecords _records;
    private readonly long _knownBytes;
    private readonly bool _isChecked;
    private readonly bool _keepsMarks;
    private readonly long? _knownOldBytes;
    private readonly uint _generation;
    private readonly TracedHolders _holders;
    private readonly LiveBlocks _live;
    private long _spans;
    private long _pages;
    private long _bytesInUse;
    private long _liveBytes;
    private long _oldBytes;
    private bool _anyUnswept;

    // For each system page of the arena's bitmaps, which follow each other, the lowest bit says whether it is in memory.
    private readonly byte[] _bitmaps = new byte[(TracedBits.AllBytes / (nint)OsMemory.PageSize) + 1];

    private TracedVerifier(TracedRecords records, long knownBytes, bool isChecked, bool keepsMarks, long? oldBytes)
    {
        _records = records;
        _knownBytes = knownBytes;
        _isChecked = isChecked;
        _keepsMarks = keepsMarks;
        _knownOldBytes = oldBytes;
        _generation = records.Sweeper.Generation;
        _holders = new TracedHolders(records);
        _live = new LiveBlocks(records);
    }

    /// <param name="records">The records to verify.</param>
    /// <param name="knownBytes">The bytes of blocks that live, as far as the heap knows.</param>
    /// <param name="isChecked">Whether free slots are filled, as with full checks.</param>
    /// <param name="keepsMarks">Whether old blocks of spans that are swept stay marked.</param>
    /// <param name="oldBytes">The bytes of blocks that are marked, as far as the heap knows; null if it does not.</param>
    /// <exception cref="HeapCorruptionException">Something does not agree; the message has the facts.</exception>
    public static void Verify(TracedRecords records, long knownBytes, bool isChecked, bool keepsMarks, long? oldBytes)
    {
        TracedVerifier verifier = new(records, knownBytes, isChecked, keepsMarks, oldBytes);
        verifier.VerifyArenas();
        verifier.VerifySums();
        records.Roots.Verify();
        records.WeakHandles.Verify();
        ReferenceCheck.Run(records);
    }

    private void VerifyArenas()
    {
        PageGeometry geometry = _records.Pages.Geometry;
        for (int index = 0; _records.Pages.TryGetArena(index, out nint arena); index++)
        {
            int page = geometry.HeaderPages;
            FindBitmaps(arena);
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
                    for (int within = 0; within < span->Span.Pages; within++)
                    {
                        VerifyNotMarking(TracedSlots.PageAt(span, within));
                    }

                    page += span->Span.Pages;
                }
                else
                {
                    VerifyNoBits(address, 0, NoBlocks);
                    VerifyNoBits(address, 1, NoBlocks);
                    VerifyNotMarking(address);
                    page++;
                }
            }
        }
    }

    private void VerifyShape(TracedSpan* span, nint address, uint entry, int room)
    {
        ref Span record = ref span->Span;
        HeapVerifier.Require(record.State == SpanState.Traced && record.Base == address, address, $"the entry 0x{entry:x} names a traced span that does not begin here");
        HeapVerifier.Require(span->SpanClass != SpanClasses.None && span->SpanClass < (uint)SpanClasses.Count, address, $"a traced span has the span class {span->SpanClass}");
        byte sizeClass = SpanClasses.Info(span->SpanClass)->SizeClass;
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        bool shaped = sizeClass == SizeClasses.None
            ? record.Slots == 1 && record.Pages > 0 && record.SlotSize == (nuint)record.Pages << PageGeometry.PageShift
            : record.SlotSize == info.Size && record.Pages == _records.Spans.PagesOf(info, span->IsGuarded) && record.Slots == TracedSpanSource.SlotsOf(info, span->IsGuarded);
        HeapVerifier.Require(
            shaped && record.SizeClass == sizeClass && record.Pages <= room,
            address,
            $"a traced span of class {sizeClass} has {record.Slots} slots of {record.SlotSize} bytes in {record.Pages} pages");
        uint* entries = ArenaHeader.EntryOf(address);
        for (int page = 0; page < record.Pages; page++)
        {
            uint expected = page > 0 && record.Slots == 1 ? PageEntry.OfInside(page) : PageEntry.OfTraced(page, span->SpanClass);
            HeapVerifier.Require(entries[page] == expected, address, $"the entry of page {page} is 0x{entries[page]:x} and should be 0x{expected:x}");
        }

        _spans++;
        _pages += record.Pages;
        _bytesInUse += _records.Spans.ChargeOf(span);
    }

    private void VerifyState(TracedSpan* span)
    {
        nint address = span->Span.Base;
        uint state = SweepGeneration.Of(span);
        bool kept = _holders.IsKept(span);
        HeapVerifier.Require(kept == (span->KeptNumber != 0), address, "a traced span is kept back and does not know it, or the reverse");
        if (kept)
        {
            _anyUnswept |= span->Allocated != 0 && state == SweepGeneration.Unswept(_generation);
            return;
        }

        bool cached = state == SweepGeneration.Cached(_generation) || state == SweepGeneration.StaleCached(_generation);
        bool known = cached || state == _generation || state == SweepGeneration.Unswept(_generation);
        HeapVerifier.Require(known, address, $"a traced span has the generation {state}, the heap {_generation}");
        HeapVerifier.Require(cached == _holders.IsCached(span), address, $"a traced span has the generation {state}, the heap {_generation}, and {(cached ? "no" : "a")} cache has it");
        HeapVerifier.Require(cached != _holders.IsListed(span), address, "a traced span is in no list and no cache has it");
        HeapVerifier.Require(span->Span.Listed != cached, address, "a traced span says that it is listed and is not, or the reverse");
        _anyUnswept |= state == SweepGeneration.Unswept(_generation);
    }

    // A swept span uses one bitmap, and the other is ready for marks, or has those of old blocks; an unswept one has its marks where its next alloc bits will be.
    private void VerifyBits(TracedSpan* span)
    {
        uint state = SweepGeneration.Of(span);
        bool swept = state == _generation || state == SweepGeneration.Cached(_generation);
        uint own = swept ? _live.Bitmap : _live.Bitmap ^ 1;
        int allocated = 0;
        for (int word = 0; word < TracedSlots.Words(span); word++)
        {
            nint address = TracedSlots.AddressOf(span, word);
            ulong starts = TracedSlots.Starts(span, word);
            ulong bits = *TracedSlots.Word(span, word, own);
            ulong other = *TracedSlots.Word(span, word, own ^ 1);
            HeapVerifier.Require((bits & ~starts) == 0, address, $"alloc bits 0x{bits:x} are set where no slot begins");
            HeapVerifier.Require((swept && !_keepsMarks) || (other & ~bits) == 0, address, $"marks 0x{other:x} are set of slots that are not allocated");
            HeapVerifier.Require(!swept || _keepsMarks || other == 0, address, $"marks 0x{other:x} are left in a span that is swept");
            allocated += BitOperations.PopCount(bits);
            _liveBytes += BitOperations.PopCount(swept ? bits : other) * (long)span->Span.SlotSize;
            _oldBytes += BitOperations.PopCount(other) * (long)span->Span.SlotSize;
            if (_isChecked)
            {
                VerifyPoison(span, word, starts & ~bits);
            }
        }

        HeapVerifier.Require(
            allocated == span->Allocated, span->Span.Base, $"a traced span counts {span->Allocated} allocated slots, its alloc bits {allocated}");
    }

    private static void VerifyPoison(TracedSpan* span, int word, ulong free)
    {
        for (; free != 0 && (span->Span.Slots > 1 || span->KeptNumber != 0); free &= free - 1)
        {
            DeadBlockPoison.Verify(span, TracedSlots.AddressOf(span, word, free));
        }
    }

    // A page that is not in memory holds zeros, unless it is swapped out. Reading all of them would make a large part of a small heap resident.
    private void FindBitmaps(nint arena)
    {
        fixed (byte* bitmaps = _bitmaps)
        {
            if (!_records.Os.TryFindResident(arena + ArenaHeader.TracedBitmaps, (nuint)TracedBits.AllBytes, bitmaps))
            {
                Array.Fill(_bitmaps, (byte)1);
            }
        }
    }

    private void VerifyNoBits(nint page, uint bitmap, string what)
    {
        nint offset = (nint)TracedBits.WordOf(page, bitmap) - ArenaHeader.ArenaOf(page) - ArenaHeader.TracedBitmaps;
        if ((_bitmaps[offset / (nint)OsMemory.PageSize] & 1) == 0)
        {
            return;
        }

        int word = TracedBits.OfPage(page, bitmap).IndexOfAnyExcept(0UL);
        HeapVerifier.Require(word < 0, page, $"{what}, in word {word} of bitmap {bitmap}");
    }

    private void VerifyNotMarking(nint page)
    {
        VerifyNoBits(page, TracedBits.Waiting, NotMarking);
        HeapVerifier.Require(*TracedBits.QueuedOf(page) == 0, page, "a page is queued for a marker, and none marks");
    }

    private void VerifySums()
    {
        TracedSpanSource spans = _records.Spans;
        HeapVerifier.Require(_spans == spans.Count, 0, $"there are {_spans} traced spans, {spans.Count} are counted");
        HeapVerifier.Require(_pages == spans.PagesInUse, 0, $"traced spans have {_pages} pages, {spans.PagesInUse} are counted");
        HeapVerifier.Require(_bytesInUse == spans.BytesInUse, 0, $"traced spans count {_bytesInUse} bytes towards the limit, {spans.BytesInUse} are counted");
        long known = _knownBytes + _holders.BytesTaken;
        HeapVerifier.Require(_liveBytes == known, 0, $"slots of {_liveBytes} bytes are marked or were taken since, and {known} are counted");
        HeapVerifier.Require((_knownOldBytes ?? _oldBytes) == _oldBytes, 0, $"blocks of {_oldBytes} bytes are marked as old, and {_knownOldBytes} are counted");
        HeapVerifier.Require(_spans == _holders.Count, 0, $"there are {_spans} traced spans, lists and caches have {_holders.Count}");
        Sweeper sweeper = _records.Sweeper;
        HeapVerifier.Require(sweeper.Sweepers == 0, 0, $"{sweeper.Sweepers} are counted as sweeping, but none is");
        HeapVerifier.Require(
            sweeper.StaleCaches == _holders.StaleCaches, 0, $"there are {_holders.StaleCaches} caches of an earlier generation, {sweeper.StaleCaches} are counted");
        HeapVerifier.Require(sweeper.HasWork || !_anyUnswept, 0, "sweeping is said to have nothing left to begin, and there are traced spans that are not swept");
    }
}
