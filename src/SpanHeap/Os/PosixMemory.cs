using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>The calls of Linux and macOS. None of them suppresses the transition: each may wait for the process's memory map.</summary>
internal static unsafe partial class PosixMemory
{
    private const int ProtectNone = 0;
    private const int ProtectReadWrite = 1 | 2;

    // Linux numbers.
    private const int LinuxDontNeed = 4;
    private const int LinuxHugePage = 14;
    private const int LinuxNoHugePage = 15;

    // macOS: MADV_FREE gives the memory back when the system wants it; MADV_DONTNEED there gives nothing back.
    private const int MacFree = 5;

    public static bool Discard(nint address, nuint bytes) =>
        MemoryAdvise((void*)address, bytes, OperatingSystem.IsLinux() ? LinuxDontNeed : MacFree) == 0;

    public static bool Protect(nint address, nuint bytes, bool accessible) =>
        MemoryProtect((void*)address, bytes, accessible ? ProtectReadWrite : ProtectNone) == 0;

    public static bool AdviseHugePages(nint address, nuint bytes, bool wanted) =>
        MemoryAdvise((void*)address, bytes, wanted ? LinuxHugePage : LinuxNoHugePage) == 0;

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryAdvise(void* address, nuint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryProtect(void* address, nuint bytes, int protection);
}
