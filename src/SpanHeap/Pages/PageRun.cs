namespace SpanHeap.Pages;

/// <summary>A run of pages in one arena.</summary>
/// <param name="Address">The address of its first byte.</param>
/// <param name="Pages">Its length in pages.</param>
/// <param name="NeedsZero">Whether a byte of it may be other than zero.</param>
internal readonly record struct PageRun(nint Address, int Pages, bool NeedsZero)
{
    /// <summary>The length of the run in bytes.</summary>
    public nuint Bytes => PageMath.BytesOf(Pages);

    /// <summary>One past the last byte of the run.</summary>
    public nint End => PageMath.AddressOf(Address, Pages);
}
