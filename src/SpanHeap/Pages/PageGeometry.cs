using System.Runtime.CompilerServices;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// The sizes that everything else is counted in. A page is ours and fixed at 8 KiB; a page of the system may be 4, 16 or 64 KiB.
/// </summary>
/// <param name="PagesPerArena">Pages of one arena, header included: a multiple of 64, at most <see cref="MaxPagesPerArena"/>.</param>
/// <param name="HeaderPages">Pages at the start of each arena that hold its metadata and are never handed out.</param>
/// <param name="PagesPerSystemPage">Pages that one page of the system covers: at least 1; giving memory back works on multiples of it.</param>
internal readonly record struct PageGeometry(int PagesPerArena, int HeaderPages, int PagesPerSystemPage)
{
    public const int PageShift = 13;
    public const int PageSize = 1 << PageShift;

    /// <summary>64 MiB; the bitmaps of a page heap are laid out for it.</summary>
    public const int MaxPagesPerArena = 1 << (26 - PageShift);

    /// <summary>64 MiB; 4 MiB on Windows, where reserved heap memory is charged as commit. A constant to the JIT.</summary>
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

    /// <summary>The geometry of this process.</summary>
    public static PageGeometry ForProcess(int headerPages) => For(headerPages, Math.Max(1, (int)(OsMemory.PageSize >> PageShift)));

    /// <summary>The geometry where a page of the system covers so many pages. The header ends where one does, so that the system can take back all that follows it.</summary>
    public static PageGeometry For(int headerPages, int pagesPerSystemPage) =>
        new(1 << (ArenaShift - PageShift), (headerPages + pagesPerSystemPage - 1) / pagesPerSystemPage * pagesPerSystemPage, pagesPerSystemPage);

    /// <summary>The longest run of pages that an arena can hold.</summary>
    public int MaxRun => PagesPerArena - HeaderPages;

    public nint ArenaBytes => (nint)PagesPerArena << PageShift;

    /// <summary>Pages needed for so many bytes; any number of bytes may be asked for.</summary>
    public static nuint PagesFor(nuint bytes) => (bytes >> PageShift) + ((bytes & (PageSize - 1)) != 0 ? 1u : 0u);

    /// <summary>Whether an arena with nothing in it has an aligned run of so many pages.</summary>
    public bool Fits(nuint pages, nuint alignmentInPages) =>
        alignmentInPages < (nuint)PagesPerArena
        && pages <= (nuint)PagesPerArena - (((nuint)HeaderPages + alignmentInPages - 1) & ~(alignmentInPages - 1));
}
