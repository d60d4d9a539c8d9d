using SpanHeap.Guard;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Heap;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>Verifies a heap's guarded spans: records and entries agree, sums add up, and nothing was written beside a block.</summary>
internal static unsafe class GuardVerifier
{
    public static void Verify(HeapCore heap, long spans, long pages)
    {
        GuardStatistics statistics = heap.Guard!.Statistics;
        HeapVerifier.Require(pages == statistics.Pages, 0, $"guarded spans have {pages} pages, {statistics.Pages} are counted");
        long live = 0;
        long bytes = 0;
        for (int i = 0; heap.Pages.TryGetArena(i, out nint arena); i++)
        {
            for (int page = heap.Pages.Geometry.HeaderPages; page < heap.Pages.Geometry.PagesPerArena; page++)
            {
                nint address = arena + ((nint)page << PageGeometry.PageShift);
                if (*ArenaHeader.EntryOf(address) == PageEntry.OfGuarded(0))
                {
                    GuardedSpan* span = (GuardedSpan*)ArenaHeader.SpanAt(address);
                    VerifyLinks(span, address);
                    Sum(heap.Guard, span, address, ref live, ref bytes);
                }
            }
        }

        for (nint from = 0; HugeBlockTable.TryFindGuarded(heap.Serial, from, out HugeBlock huge); from = huge.Address + 1)
        {
            GuardedSpan* span = (GuardedSpan*)huge.Guarded;
            HeapVerifier.Require(span->IsHuge && span->Bytes == huge.Size, huge.Address, "the span of a huge guarded block belongs to another block");
            Sum(heap.Guard, span, huge.Address, ref live, ref bytes);
            spans++;
        }

        HeapVerifier.Require(
            spans == statistics.LiveBlocks + statistics.QuarantinedBlocks,
            0,
            $"there are {spans} guarded spans; {statistics.LiveBlocks} live ones and {statistics.QuarantinedBlocks} in quarantine are counted");
        HeapVerifier.Require(
            heap.HasTraced || heap.Limit.GuardedPages == pages, 0, $"guarded spans have {pages} pages, the limit leaves out {heap.Limit.GuardedPages}");
        HeapVerifier.Require(live == statistics.LiveBlocks, 0, $"{live} guarded blocks live, {statistics.LiveBlocks} are counted");
        HeapVerifier.Require(bytes == statistics.LiveBytes, 0, $"live guarded blocks have {bytes} bytes, {statistics.LiveBytes} are counted");
    }

    private static void Sum(GuardedBlocks heap, GuardedSpan* span, nint address, ref long live, ref long bytes)
    {
        if (VerifySpan(heap, span, address))
        {
            live++;
            bytes += (long)span->Record.ByteCount;
        }
    }

    private static void VerifyLinks(GuardedSpan* span, nint address)
    {
        for (int page = 0; page < span->Span.Pages; page++)
        {
            nint at = address + ((nint)page << PageGeometry.PageShift);
            GuardRecord* link = GuardRecord.OfPage(at);
            HeapVerifier.Require(*ArenaHeader.EntryOf(at) == PageEntry.OfGuarded(page), at, "a page of a guarded span has another's entry");
            HeapVerifier.Require(
                page == 0 || (link->Magic == GuardRecord.LinkMagic && link->Address == (nint)(&span->Record)), at, "a page of a guarded span does not lead to its record");
        }
    }

    // Returns whether the block is live.
    private static bool VerifySpan(GuardedBlocks heap, GuardedSpan* span, nint address)
    {
        ref GuardRecord record = ref span->Record;
        bool placed = span->Span.State == SpanState.Guarded && span->Span.Base == address && record.SpanBase == address
            && record.Magic == GuardRecord.RecordMagic && record.Address >= address && (nuint)(record.Address - address) <= span->Bytes;
        HeapVerifier.Require(placed, address, "a guarded span's record does not belong to it");
        HeapVerifier.Require(span->GuardForm != ProtectionForm.None || span->GuardBytes == 0 || !heap.GuardsAll, address, "a guarded span has no guard");
        if (record.State != GuardState.Live)
        {
            HeapVerifier.Require(record.State is GuardState.Freed or GuardState.Swept, address, "a guarded block is neither live nor freed");
            return false;
        }

        nint damage = GuardSlack.Of(span).FindDamage(record.Address);
        if (damage != 0)
        {
            new GuardFinding(record.Address, record, damage).ThrowUnlessSound();
        }

        return true;
    }
}
