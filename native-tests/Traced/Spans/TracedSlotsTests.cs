using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Traced.Sweeping;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Spans;

[Trait("Category", "Protocol")]
public sealed unsafe class TracedSlotsTests
{
    private const int FirstPage = 1000;

    public static TheoryData<int> Classes => [.. Enumerable.Range(1, SizeClasses.LastShared).Where(static c => SizeClasses.Info((uint)c).Size >= TracedBits.Granule)];

    [Theory]
    [MemberData(nameof(Classes))]
    public void Slots_begin_where_a_division_says(int sizeClass)
    {
        using TracedFakeArena arena = new();
        TracedSpan* span = arena.MakeSpan(FirstPage, (uint)sizeClass);
        Assert.Equal(0u, span->Span.SlotSize % TracedBits.Granule);
        HashSet<nint> expected = [.. Enumerable.Range(0, span->Span.Slots).Select(i => span->Span.Base + (i * (nint)span->Span.SlotSize))];
        HashSet<nint> found = [];
        for (int word = 0; word < TracedSlots.Words(span); word++)
        {
            for (int bit = 0; bit < 64; bit++)
            {
                if ((TracedSlots.Starts(span, word) & (1UL << bit)) != 0)
                {
                    found.Add(TracedSlots.AddressOf(span, word) + (bit * TracedBits.Granule));
                }
            }
        }

        Assert.True(expected.SetEquals(found));
    }

    [Theory]
    [MemberData(nameof(Classes))]
    public void Every_address_knows_its_slot(int sizeClass)
    {
        using TracedFakeArena arena = new();
        TracedSpan* span = arena.MakeSpan(FirstPage, (uint)sizeClass);
        nint bytes = (nint)span->Span.Pages * PageGeometry.PageSize;
        for (nint offset = 0; offset < bytes; offset++)
        {
            nint slot = offset / (nint)span->Span.SlotSize;
            nint expected = slot < span->Span.Slots ? span->Span.Base + (slot * (nint)span->Span.SlotSize) : 0;
            if (TracedSlots.StartOf(span, span->Span.Base + offset) != expected)
            {
                Assert.Fail($"offset {offset}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Classes))]
    public void Bits_are_counted_and_cleared_in_one_bitmap_of_one_span(int sizeClass)
    {
        using TracedFakeArena arena = new();
        int pages = SizeClasses.Info((uint)sizeClass).Pages;
        TracedSpan* before = arena.MakeSpan(FirstPage - pages, (uint)sizeClass);
        TracedSpan* span = arena.MakeSpan(FirstPage, (uint)sizeClass);
        TracedSpan* after = arena.MakeSpan(FirstPage + pages, (uint)sizeClass);
        Fill(before);
        Fill(span);
        Fill(after);

        Assert.Equal((span->Span.Slots, span->Span.Slots), (TracedSlots.Count(span, 0), TracedSlots.Count(span, 1)));
        TracedSlots.Clear(span, 1);
        Assert.Equal((span->Span.Slots, 0), (TracedSlots.Count(span, 0), TracedSlots.Count(span, 1)));
        TracedSlots.Clear(span, 0);
        Assert.Equal(0, TracedSlots.Count(span, 0));
        Assert.Equal(4 * span->Span.Slots, TracedSlots.Count(before, 0) + TracedSlots.Count(before, 1) + TracedSlots.Count(after, 0) + TracedSlots.Count(after, 1));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(1000)]
    public void A_large_block_has_one_bit(int pages)
    {
        using TracedFakeArena arena = new();
        TracedSpan* span = arena.MakeSpan(FirstPage, SizeClasses.None, pages);
        Assert.Equal(1UL, TracedSlots.Starts(span, 0));
        Assert.All(Enumerable.Range(1, TracedSlots.Words(span) - 1), word => Assert.Equal(0UL, TracedSlots.Starts(span, word)));
        Fill(span);
        Assert.Equal(1, TracedSlots.Count(span, 0));
        Assert.Equal(span->Span.Base, TracedSlots.StartOf(span, span->Span.Base + (nint)span->Span.SlotSize - 1));
        Assert.Equal(0, TracedSlots.StartOf(span, span->Span.Base + (nint)span->Span.SlotSize));
        TracedSlots.Clear(span, 0);
        Assert.Equal((0, 1), (TracedSlots.Count(span, 0), TracedSlots.Count(span, 1)));
    }

    private static void Fill(TracedSpan* span)
    {
        for (int word = 0; word < TracedSlots.Words(span); word++)
        {
            *TracedSlots.Word(span, word, 0) |= TracedSlots.Starts(span, word);
            *TracedSlots.Word(span, word, 1) |= TracedSlots.Starts(span, word);
        }
    }
}
