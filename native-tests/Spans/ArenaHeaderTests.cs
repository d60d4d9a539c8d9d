using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Spans;

public sealed unsafe class ArenaHeaderTests
{
    private static readonly nint s_arena = PageGeometry.ArenaSize * 3;
    private static readonly int s_pages = (int)(PageGeometry.ArenaSize >> PageGeometry.PageShift);

    [Fact]
    public void Entries_spans_and_bits_lie_in_the_header_and_do_not_overlap()
    {
        AssertApart(Places(withLiveBits: true), ArenaHeader.Bytes(withLiveBits: true, withTracedBitmaps: false));
        AssertApart(Places(withLiveBits: false), ArenaHeader.Bytes(withLiveBits: false, withTracedBitmaps: false));
    }

    [Fact]
    public void A_header_is_whole_pages_and_smaller_without_live_bits()
    {
        Assert.Equal(0, ArenaHeader.Bytes(false, withTracedBitmaps: false) % PageGeometry.PageSize);
        Assert.Equal(0, ArenaHeader.Bytes(true, withTracedBitmaps: false) % PageGeometry.PageSize);
        Assert.True(ArenaHeader.Bytes(false, withTracedBitmaps: false) < ArenaHeader.Bytes(true, withTracedBitmaps: false));
    }

    [Fact]
    public void The_bitmaps_of_traced_blocks_and_the_bytes_of_their_pages_lie_after_each_other_at_the_end_of_the_header()
    {
        nint last = s_arena + ((nint)(s_pages - 1) << PageGeometry.PageShift);
        for (uint bitmap = 0; bitmap < TracedBits.Count; bitmap++)
        {
            nint end = (nint)TracedBits.WordOf(last, bitmap) + (TracedBits.WordsPerPage * sizeof(ulong));
            Assert.Equal(bitmap + 1 < TracedBits.Count ? (nint)TracedBits.WordOf(s_arena, bitmap + 1) : (nint)TracedBits.QueuedOf(s_arena), end);
        }

        nint all = (nint)TracedBits.QueuedOf(last) + 1 - (s_arena + ArenaHeader.TracedBitmaps);
        Assert.Equal(TracedBits.AllBytes, all);
        Assert.InRange(ArenaHeader.Bytes(withLiveBits: true, withTracedBitmaps: true), ArenaHeader.TracedBitmaps + all, ArenaHeader.TracedBitmaps + all + PageGeometry.PageSize - 1);
    }

    [Fact]
    public void All_addresses_of_a_page_have_the_same_entry()
    {
        nint page = s_arena + (100 << PageGeometry.PageShift);
        for (nint offset = 0; offset < PageGeometry.PageSize; offset++)
        {
            Assert.True(ArenaHeader.EntryOf(page) == ArenaHeader.EntryOf(page + offset));
        }

        Assert.True(ArenaHeader.EntryOf(page) != ArenaHeader.EntryOf(page + PageGeometry.PageSize));
        Assert.Equal(s_arena, ArenaHeader.ArenaOf(s_arena + PageGeometry.ArenaSize - 1));
    }

    [Fact]
    public void The_number_of_the_piece_leads_to_the_same_entry()
    {
        nint last = ((nint)1 << 47) - PageGeometry.ArenaSize;
        foreach (nint arena in new[] { 0, PageGeometry.ArenaSize, s_arena, last })
        {
            nuint piece = (nuint)arena >> PageGeometry.ArenaShift;
            for (int page = 0; page < s_pages; page++)
            {
                nint start = arena + ((nint)page << PageGeometry.PageShift);
                Assert.True(ArenaHeader.EntryOf(start, piece) == ArenaHeader.EntryOf(start));
                Assert.True(ArenaHeader.EntryOf(start + PageGeometry.PageSize - 1, piece) == ArenaHeader.EntryOf(start));
            }
        }
    }

    [Fact]
    public void A_span_is_found_from_any_of_its_pages()
    {
        nint first = s_arena + (100 << PageGeometry.PageShift);
        for (int page = 1; page < 4000; page++)
        {
            nint address = first + ((nint)page << PageGeometry.PageShift) + 17;
            Assert.True(ArenaHeader.SpanOf(address, PageEntry.OfInside(page)) == ArenaHeader.SpanAt(first));
        }

        for (int page = 0; page < 16; page++)
        {
            nint address = first + ((nint)page << PageGeometry.PageShift) + 17;
            Assert.True(ArenaHeader.SpanOf(address, PageEntry.OfBlocks(9u << PageEntry.OwnerShift, page, 3)) == ArenaHeader.SpanAt(first));
        }
    }

    // Spans of all classes in turn, from the first page after the header to the arena's end.
    private static List<(nint Address, nint Bytes)> Places(bool withLiveBits)
    {
        int page = (int)(ArenaHeader.Bytes(withLiveBits, withTracedBitmaps: false) >> PageGeometry.PageShift);
        List<(nint Address, nint Bytes)> places = [((nint)ArenaHeader.Descriptor(s_arena), sizeof(ArenaDescriptor))];
        for (uint sizeClass = 1; page + SizeClasses.Info(sizeClass).Pages <= s_pages; sizeClass = 1 + (sizeClass % (uint)SizeClasses.Last))
        {
            SizeClassInfo info = SizeClasses.Info(sizeClass);
            nint address = s_arena + ((nint)page << PageGeometry.PageShift);
            nint bits = AllocBits.WordsFor(info.Slots) * sizeof(ulong);
            Span* span = ArenaHeader.SpanAt(address);
            places.Add(((nint)span, sizeof(Span)));
            places.Add(((nint)ArenaHeader.AllocBits(span), bits));
            places.AddRange(withLiveBits ? [((nint)ArenaHeader.LiveBits(span), bits)] : []);
            page += info.Pages;
        }

        places.AddRange(Enumerable.Range(0, s_pages).Select(static p => ((nint)ArenaHeader.EntryOf(s_arena + ((nint)p << PageGeometry.PageShift)), (nint)sizeof(uint))));
        return places;
    }

    private static void AssertApart(List<(nint Address, nint Bytes)> places, nint headerBytes)
    {
        nint end = s_arena;
        foreach ((nint address, nint bytes) in places.OrderBy(static place => place.Address))
        {
            Assert.True(address >= end, $"0x{address:x} overlaps what ends at 0x{end:x}");
            end = address + bytes;
        }

        Assert.True(end <= s_arena + headerBytes);
    }
}
