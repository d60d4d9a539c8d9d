using System.Runtime.CompilerServices;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// The sizes in which everything else is counted. A page is the heap's own unit of 8 KiB; a page of the system may have 4, 16 or 64 KiB.
/// </summary>
/// <param name="PagesPerArena">Pages of one arena, header included: a multiple of 64, at most <see cref="MaxPagesPerArena"/>.</param>
/// <param name="HeaderPages">Pages at the start of each arena that hold its metadata and are never handed out.</param>
/// <param name="PagesPerSystemPage">Pages that one page of the system covers, at least 1. Memory is given back in multiples of it.</param>
internal readonly record struct PageGeometry(int PagesPerArena, int HeaderPages, int PagesPerSystemPage)
{
    public const int PageShift = 13;
    public const int PageSize = 1 << PageShift;

    /// <summary>The number of pages in 64 MiB, for which the bitmaps of a page heap are laid out.</summary>
    public const int MaxPagesPerArena = 1 << (26 - PageShift);

    /// <summary>The size of an arena as a power of two: 64 MiB, or 4 MiB on Windows, where reserved heap memory is charged as commit. A constant to the JIT.</summary>
    public static int ArenaShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => OperatingSystem.IsWindows() ? 22 : 26;
    }

    public static nint ArenaSize
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (nint)1 << ArenaShift;
    }

    /// <summary>Gets the geometry of this process.</summary>
    public static PageGeometry ForProcess(int headerPages) => For(headerPages, Math.Max(1, (int)(OsMemory.PageSize >> PageShift)));

    /// <summary>Gets the geometry for a system page that covers the given number of pages. The header ends where a system page ends, so that everything after it can be given back.</summary>
    public static PageGeometry For(int headerPages, int pagesPerSystemPage) =>
        new(1 << (ArenaShift - PageShift), PageMath.RoundUp(headerPages, pagesPerSystemPage), pagesPerSystemPage);

    /// <summary>The longest run of pages that an arena can hold.</summary>
    public int MaxRun => PagesPerArena - HeaderPages;

    public nint ArenaBytes => (nint)PageMath.BytesOf(PagesPerArena);

    /// <summary>Computes the number of pages that hold the given number of bytes. Any number of bytes is valid.</summary>
    public static nuint PagesFor(nuint bytes) => (bytes >> PageShift) + ((bytes & (PageSize - 1)) != 0 ? 1u : 0u);

    /// <summary>Determines whether an empty arena has an aligned run of the given number of pages.</summary>
    public bool Fits(nuint pages, nuint alignmentInPages) =>
        alignmentInPages < (nuint)PagesPerArena
        && pages <= (nuint)PagesPerArena - PageMath.AlignUp((nuint)HeaderPages, alignmentInPages);
}
