using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>Declares the system calls of Windows.</summary>
internal static unsafe partial class WindowsMemory
{
    private const uint PageNoAccess = 0x01;
    private const uint PageReadWrite = 0x04;
    private const uint MemReset = 0x00080000;

    // Missing on systems before 8.1 and on some stand-ins for Windows. So it is looked up once; MEM_RESET does the same less promptly.
    private static readonly delegate* unmanaged<void*, nuint, uint> s_discard = FindDiscard();

    /// <summary>Discards pages. Their contents are undefined afterwards and their commit stays charged.</summary>
    public static bool Discard(nint address, nuint bytes) =>
        s_discard != null
            ? s_discard((void*)address, bytes) == 0
            : VirtualAlloc((void*)address, bytes, MemReset, PageReadWrite) != null;

    public static bool Protect(nint address, nuint bytes, bool accessible) =>
        VirtualProtect((void*)address, bytes, accessible ? PageReadWrite : PageNoAccess, out _) != 0;

    private static delegate* unmanaged<void*, nuint, uint> FindDiscard() =>
        NativeLibrary.TryLoad("kernel32.dll", out nint library) && NativeLibrary.TryGetExport(library, "DiscardVirtualMemory", out nint export)
            ? (delegate* unmanaged<void*, nuint, uint>)export
            : null;

    [LibraryImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int VirtualProtect(void* address, nuint bytes, uint protection, out uint previous);

    [LibraryImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial void* VirtualAlloc(void* address, nuint bytes, uint type, uint protection);
}
