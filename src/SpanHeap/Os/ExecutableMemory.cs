namespace SpanHeap.Os;

/// <summary>
/// Provides pages for machine code that is generated while the process runs. Linux only: on other systems, and where the system denies it, there are
/// none.
/// </summary>
/// <remarks>The pages are written first and made executable later, never both at once, which hardened systems refuse.</remarks>
internal static unsafe class ExecutableMemory
{
    private const int ReadWrite = 1 | 2;
    private const int ReadExecute = 1 | 4;
    private const int PrivateAnonymous = 2 | 0x20;
    private const nint Failed = -1;

    private static readonly delegate* unmanaged<nint, nuint, int, int, int, nint, nint> s_map =
        (delegate* unmanaged<nint, nuint, int, int, int, nint, nint>)PosixLibrary.Find("mmap");

    private static readonly delegate* unmanaged<nint, nuint, int, int> s_protect =
        (delegate* unmanaged<nint, nuint, int, int>)PosixLibrary.Find("mprotect");

    private static readonly delegate* unmanaged<nint, nuint, int> s_unmap = (delegate* unmanaged<nint, nuint, int>)PosixLibrary.Find("munmap");

    /// <summary>
    /// Makes a copy of position-independent code that can be called and that is never freed. Returns 0 when the system provides no page.
    /// </summary>
    public static nint TryMake(ReadOnlySpan<byte> code)
    {
        if (s_map == null || s_protect == null || s_unmap == null)
        {
            return 0;
        }

        nuint bytes = ((nuint)code.Length + OsMemory.PageSize - 1) & ~(OsMemory.PageSize - 1);
        nint pages = s_map(0, bytes, ReadWrite, PrivateAnonymous, -1, 0);
        if (pages == Failed)
        {
            return 0;
        }

        code.CopyTo(new Span<byte>((void*)pages, code.Length));
        if (s_protect(pages, bytes, ReadExecute) == 0)
        {
            return pages;
        }

        s_unmap(pages, bytes);
        return 0;
    }
}
