namespace SpanHeap.Os;

/// <summary>Pages for machine code that is made while the process runs. Linux only: elsewhere, and where the system denies it, there are none.</summary>
/// <remarks>Written first and made executable after, never both at once: hardened systems refuse pages that are.</remarks>
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

    /// <summary>A copy of position-independent code that can be called, and that stays for ever; 0 when the system gives none.</summary>
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
