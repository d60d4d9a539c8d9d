namespace SpanHeap.Pages;

/// <summary>A run of pages in one arena.</summary>
/// <param name="Address">Its first byte.</param>
/// <param name="Pages">Its length.</param>
/// <param name="NeedsZero">Whether a byte of it may be other than zero.</param>
internal readonly record struct PageRun(nint Address, int Pages, bool NeedsZero)
{
    public nuint Bytes => (nuint)Pages << PageGeometry.PageShift;

    public nint End => Address + ((nint)Pages << PageGeometry.PageShift);
}
