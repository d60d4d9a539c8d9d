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
    private const int LinuxGuardInstall = 102;
    private const int LinuxGuardRemove = 103;

    // macOS: MADV_FREE gives the memory back when the system wants it; MADV_DONTNEED there gives nothing back.
    private const int MacFree = 5;

    // Where they can be looked up: "libc" is a name under which the runtime looks for a file in one place after the other, a tenth of a
    // process's first allocation.
    private static readonly delegate* unmanaged<void*, nuint, int, int> s_advise = (delegate* unmanaged<void*, nuint, int, int>)PosixLibrary.Find("madvise");
    private static readonly delegate* unmanaged<void*, nuint, int, int> s_protect = (delegate* unmanaged<void*, nuint, int, int>)PosixLibrary.Find("mprotect");

    private static readonly delegate* unmanaged<void*, nuint, byte*, int> s_residency =
        (delegate* unmanaged<void*, nuint, byte*, int>)PosixLibrary.Find("mincore");

    // Set once by any thread, when an import finds no library or no function: asking again would be an exception for each call.
    private static volatile bool s_isMissing;

    public static bool Discard(nint address, nuint bytes) =>
        Advise(address, bytes, OperatingSystem.IsLinux() ? LinuxDontNeed : MacFree);

    public static bool Protect(nint address, nuint bytes, bool accessible)
    {
        int protection = accessible ? ProtectReadWrite : ProtectNone;
        return s_protect != null ? s_protect((void*)address, bytes, protection) == 0 : ProtectByImport(address, bytes, protection);
    }

    /// <summary>Writes a byte for each page of the system whose lowest bit says whether the page is resident.</summary>
    public static bool TryFindResident(nint address, nuint bytes, byte* resident) =>
        s_residency != null && s_residency((void*)address, bytes, resident) == 0;

    /// <summary>Makes pages fault by markers in the page table; Linux 6.13 and later, and not for locked memory.</summary>
    public static bool InstallGuard(nint address, nuint bytes) => Advise(address, bytes, LinuxGuardInstall);

    public static bool RemoveGuard(nint address, nuint bytes) => Advise(address, bytes, LinuxGuardRemove);

    public static bool AdviseHugePages(nint address, nuint bytes, bool wanted) =>
        Advise(address, bytes, wanted ? LinuxHugePage : LinuxNoHugePage);

    private static bool Advise(nint address, nuint bytes, int advice) =>
        s_advise != null ? s_advise((void*)address, bytes, advice) == 0 : AdviseByImport(address, bytes, advice);

    /// <summary>The call where the function cannot be looked up. Refused, as by the system, in a process that has no C library of that name.</summary>
    internal static bool AdviseByImport(nint address, nuint bytes, int advice)
    {
        try
        {
            return !s_isMissing && MemoryAdvise((void*)address, bytes, advice) == 0;
        }
        catch (TypeLoadException)
        {
            s_isMissing = true;
            return false;
        }
    }

    /// <inheritdoc cref="AdviseByImport"/>
    internal static bool ProtectByImport(nint address, nuint bytes, int protection)
    {
        try
        {
            return !s_isMissing && MemoryProtect((void*)address, bytes, protection) == 0;
        }
        catch (TypeLoadException)
        {
            s_isMissing = true;
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryAdvise(void* address, nuint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryProtect(void* address, nuint bytes, int protection);
}
