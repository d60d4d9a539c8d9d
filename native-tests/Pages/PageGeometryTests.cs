using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

public sealed class PageGeometryTests
{
    [Theory]
    [InlineData(0UL, 0UL)]
    [InlineData(1UL, 1UL)]
    [InlineData(8192UL, 1UL)]
    [InlineData(8193UL, 2UL)]
    [InlineData(ulong.MaxValue - 8191, (1UL << 51) - 1)]
    [InlineData(ulong.MaxValue, 1UL << 51)]
    public void Bytes_round_up_to_pages_without_wrapping(ulong bytes, ulong pages) =>
        Assert.Equal((nuint)pages, PageGeometry.PagesFor((nuint)bytes));

    [Fact]
    public void The_process_has_arenas_that_summaries_cover_exactly()
    {
        PageGeometry geometry = PageGeometry.ForProcess(10);
        Assert.Equal(PageGeometry.ArenaSize, geometry.ArenaBytes);
        Assert.Equal(0, geometry.PagesPerArena % RunSummary.PagesPerChunk);
        Assert.True(geometry.PagesPerArena <= PageGeometry.MaxPagesPerArena);
        Assert.True(geometry.PagesPerSystemPage * PageGeometry.PageSize >= Environment.SystemPageSize);
    }

    [Theory]
    [InlineData(132, 1, 132)]
    [InlineData(132, 2, 132)]
    [InlineData(132, 8, 136)]
    public void The_header_of_an_arena_ends_where_a_page_of_the_system_does(int headerPages, int pagesPerSystemPage, int expected) =>
        Assert.Equal(expected, PageGeometry.For(headerPages, pagesPerSystemPage).HeaderPages);
}
