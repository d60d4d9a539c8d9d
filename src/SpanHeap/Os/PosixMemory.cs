using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>
/// Declares the system calls of Linux and macOS. None suppresses the GC transition, because each may wait for the process's memory map.
/// </summary>
internal static unsafe partial class PosixMemory
{
    private const int ProtectNone = 0;
    private const int ProtectReadWrite = 1 | 2;

    // Linux's numbers.
    private const int LinuxDontNeed = 4;
    private const int LinuxHugePage = 14;
    private const int LinuxNoHugePage = 15;
    private const int LinuxGuardInstall = 102;
    private const int LinuxGuardRemove = 103;
    private const int LinuxPrivate = 0x02;
    private const int LinuxAnonymous = 0x20;
    private const int LinuxFixedNoReplace = 0x10_0000;

    // On macOS, MADV_FREE gives the memory back when the system wants it; MADV_DONTNEED gives nothing back.
    private const int MacFree = 5;

    // Looked up where possible: for the name "libc" the runtime looks for a file in one place after another, which takes a tenth of the time of a
    // process's first allocation.
    private static readonly delegate* unmanaged<void*, nuint, int, int> s_advise = (delegate* unmanaged<void*, nuint, int, int>)PosixLibrary.Find("madvise");
    private static readonly delegate* unmanaged<void*, nuint, int, int> s_protect = (delegate* unmanaged<void*, nuint, int, int>)PosixLibrary.Find("mprotect");

    private static readonly delegate* unmanaged<void*, nuint, byte*, int> s_residency =
        (delegate* unmanaged<void*, nuint, byte*, int>)PosixLibrary.Find("mincore");

    // Set once by any thread when an import finds no library or function. Trying again would cost an exception for each call.
    private static volatile bool s_isMissing;

    private static readonly delegate* unmanaged<void*, nuint, int, int, int, nint, nint> s_map =
        (delegate* unmanaged<void*, nuint, int, int, int, nint, nint>)PosixLibrary.Find("mmap");

    private static readonly delegate* unmanaged<nint, nuint, int> s_unmap = (delegate* unmanaged<nint, nuint, int>)PosixLibrary.Find("munmap");

    /// <summary>Whether memory can be mapped at a chosen place.</summary>
    public static bool CanMap => s_map != null && s_unmap != null;

    /// <summary>Maps zeroed memory at exactly this place. Returns false when the place is taken or there is no memory.</summary>
    public static bool MapAt(nint place, nuint bytes)
    {
        // Kernels before 4.17 do not know the flag and treat the place as a hint.
        nint mapped = Map(place, bytes, LinuxFixedNoReplace);
        if (mapped != 0 && mapped != place)
        {
            Unmap(mapped, bytes);
        }

        return mapped == place;
    }

    /// <summary>Maps zeroed memory anywhere. Returns 0 when there is none.</summary>
    public static nint MapAnywhere(nuint bytes) => Map(0, bytes, 0);

    /// <summary>Gives mapped memory and its addresses back. Returns false when the system refused, as it may at its limit of mappings.</summary>
    public static bool Unmap(nint address, nuint bytes) => s_unmap(address, bytes) == 0;

    /// <summary>Determines whether a system page is in memory. Returns false where the system cannot tell.</summary>
    public static bool IsResident(nint page, nuint pageSize)
    {
        byte residence = 0;
        return TryFindResident(page, pageSize, &residence) && (residence & 1) != 0;
    }

    private static nint Map(nint place, nuint bytes, int flags)
    {
        nint mapped = s_map((void*)place, bytes, ProtectReadWrite, LinuxPrivate | LinuxAnonymous | flags, -1, 0);
        return mapped == -1 ? 0 : mapped;
    }

    public static bool Discard(nint address, nuint bytes) =>
        Advise(address, bytes, OperatingSystem.IsLinux() ? LinuxDontNeed : MacFree);

    public static bool Protect(nint address, nuint bytes, bool accessible)
    {
        int protection = accessible ? ProtectReadWrite : ProtectNone;
        return s_protect != null ? s_protect((void*)address, bytes, protection) == 0 : ProtectByImport(address, bytes, protection);
    }

    /// <summary>Writes a byte for each system page whose lowest bit says whether the page is resident.</summary>
    public static bool TryFindResident(nint address, nuint bytes, byte* resident) =>
        s_residency != null && s_residency((void*)address, bytes, resident) == 0;

    /// <summary>Makes pages fault with markers in the page table. Requires Linux 6.13 or later, and memory that is not locked.</summary>
    public static bool InstallGuard(nint address, nuint bytes) => Advise(address, bytes, LinuxGuardInstall);

    public static bool RemoveGuard(nint address, nuint bytes) => Advise(address, bytes, LinuxGuardRemove);

    public static bool AdviseHugePages(nint address, nuint bytes, bool wanted) =>
        Advise(address, bytes, wanted ? LinuxHugePage : LinuxNoHugePage);

    private static bool Advise(nint address, nuint bytes, int advice) =>
        s_advise != null ? s_advise((void*)address, bytes, advice) == 0 : AdviseByImport(address, bytes, advice);

    /// <summary>
    /// Makes the call where the function cannot be looked up. In a process that has no C library of that name, the result is as if the system had
    /// refused.
    /// </summary>
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
