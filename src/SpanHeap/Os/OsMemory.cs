using System.Globalization;
using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>
/// The one place where a heap speaks to the system. Every call is counted here, every result is checked here, and a test can make
/// the n-th call fail here.
/// </summary>
/// <remarks>Thread safe. Nothing in it throws: failure is a value, because callers stand between two consistent states.</remarks>
internal sealed unsafe class OsMemory
{
    private const int Kinds = (int)OsCall.ShrinkArena + 1;

    // Written by any thread through Interlocked, read by statistics.
    private readonly long[] _calls = new long[Kinds];
    private readonly long[] _failures = new long[Kinds];

    // Calls left until one is refused; negative means never. Set by tests only.
    private long _failAfter = -1;
    private bool _failOnce;

    // The kind of calls that are refused; -1 for none. Set by tests only.
    private int _refusedKind = -1;

    // Whether the system says yes to markers and makes none, as emulators do. Set by tests only.
    private bool _pretendsMarkers;

    // Read when the first heap with guarded blocks is made, by no other.
    private static readonly Lazy<long> s_mappingLimit = new(ReadMappingLimit, LazyThreadSafetyMode.PublicationOnly);

    /// <summary>Bytes of one page of the system: discard rounds inwards to it, fault outwards.</summary>
    public static nuint PageSize { get; } = (nuint)Environment.SystemPageSize;

    /// <summary>How many mappings a process may have: each range with another protection than its neighbours is one. Without a limit of the system's, very many.</summary>
    public static long MappingLimit() => s_mappingLimit.Value;

    /// <summary>
    /// Whether pages given back by <see cref="Discard"/> read as zero afterwards. Found out by trying, once for the process: Linux promises
    /// it, but emulators and sandboxes that stand in for it accept the call and do nothing.
    /// </summary>
    public static bool DiscardedPagesAreZero { get; } = OperatingSystem.IsLinux() && TryDiscard(&PosixMemory.Discard);

    /// <summary>Refuses the n-th call from now (0: the next one) and all after it, until called with a negative number.</summary>
    internal void FailAfter(long calls)
    {
        _failOnce = false;
        Volatile.Write(ref _failAfter, calls);
    }

    /// <summary>Refuses the n-th call from now (0: the next one) and no other.</summary>
    internal void FailOnly(long calls)
    {
        _failOnce = true;
        Volatile.Write(ref _failAfter, calls);
    }

    /// <summary>Says yes to markers in the page table from now on, and makes none.</summary>
    internal void PretendMarkers() => Volatile.Write(ref _pretendsMarkers, true);

    /// <summary>Bytes above which mapping is refused, as it is where address space is short. Set by tests only.</summary>
    internal nuint LargestMap { get; set; } = nuint.MaxValue;

    /// <summary>Refuses all calls of a kind from now on.</summary>
    internal void FailAll(OsCall call) => Volatile.Write(ref _refusedKind, (int)call);

    public long Calls(OsCall call) => Volatile.Read(ref _calls[(int)call]);

    public long Failures(OsCall call) => Volatile.Read(ref _failures[(int)call]);

    public long TotalCalls
    {
        get
        {
            long sum = 0;
            for (int i = 0; i < _calls.Length; i++)
            {
                sum += Volatile.Read(ref _calls[i]);
            }

            return sum;
        }
    }

    /// <summary>Memory from <see cref="NativeMemory"/>; null when there is none.</summary>
    public void* Allocate(OsCall purpose, nuint bytes, bool zeroed)
    {
        if (!Admit(purpose))
        {
            Finish(purpose, succeeded: false);
            return null;
        }

        try
        {
            return zeroed ? NativeMemory.AllocZeroed(bytes) : NativeMemory.Alloc(bytes);
        }
        catch (OutOfMemoryException)
        {
            Finish(purpose, succeeded: false);
            return null;
        }
    }

    /// <summary>Resizes a block of <see cref="Allocate"/>, moving pages rather than bytes where the system can; null and unchanged when it cannot.</summary>
    public void* Reallocate(OsCall purpose, void* block, nuint bytes)
    {
        if (!Admit(purpose))
        {
            Finish(purpose, succeeded: false);
            return null;
        }

        try
        {
            return NativeMemory.Realloc(block, bytes);
        }
        catch (OutOfMemoryException)
        {
            Finish(purpose, succeeded: false);
            return null;
        }
    }

    /// <summary>Zeroed memory of the system's at a multiple of a power of two; 0 when there is none, or no such request to the system.</summary>
    public nint Map(nuint bytes, nuint alignment)
    {
        nint mapped = Admit(OsCall.MapArena) && bytes <= LargestMap && OperatingSystem.IsLinux() && PosixMemory.CanMap ? AlignedMappings.TryMap(bytes, alignment) : 0;
        Finish(OsCall.MapArena, mapped != 0);
        return mapped;
    }

    /// <summary>Maps more zeroed memory where that of <see cref="Map"/> ends; false when something is there, or there is no memory.</summary>
    public bool ExtendMap(nint end, nuint bytes) => Finish(OsCall.ExtendArena, Admit(OsCall.ExtendArena) && bytes <= LargestMap && PosixMemory.MapAt(end, bytes));

    /// <summary>Gives the end of memory of <see cref="Map"/> and its addresses back; false, and nothing has changed, when the system refused.</summary>
    public bool ShrinkMap(nint start, nuint bytes) => Finish(OsCall.ShrinkArena, Admit(OsCall.ShrinkArena) && PosixMemory.Unmap(start, bytes));

    /// <summary>Gives memory of <see cref="Map"/> and its addresses back. Cannot fail as far as the caller goes, so tests cannot refuse it.</summary>
    public void Unmap(nint address, nuint bytes)
    {
        Interlocked.Increment(ref _calls[(int)OsCall.ReleaseArena]);
        if (PosixMemory.Unmap(address, bytes))
        {
            AlignedMappings.NoteFree(address);
        }
        else
        {
            // It would leave more mappings than a process may have: then the memory goes, and the addresses are lost.
            Finish(OsCall.ReleaseArena, succeeded: false);
            PosixMemory.Discard(address, bytes);
        }
    }

    /// <summary>Whether memory is resident as soon as it is mapped, because the program has locked all that it will ever map.</summary>
    public static bool IsMappingLocked()
    {
        // Found out by trying: it can change at any time. Nothing is kept, so nothing is counted, and nothing can be refused.
        nint page = OperatingSystem.IsLinux() && PosixMemory.CanMap ? PosixMemory.MapAnywhere(PageSize) : 0;
        if (page == 0)
        {
            return false;
        }

        bool locked = PosixMemory.IsResident(page, PageSize);
        PosixMemory.Unmap(page, PageSize);
        return locked;
    }

    /// <summary>Gives memory back to where <see cref="Allocate"/> had it from. Null is nothing. Cannot fail, so tests cannot refuse it.</summary>
    public void Free(void* block)
    {
        if (block != null)
        {
            Interlocked.Increment(ref _calls[(int)OsCall.ReleaseArena]);
            NativeMemory.Free(block);
        }
    }

    /// <summary>Gives the memory of whole system pages back and keeps their addresses; false when the system refused.</summary>
    public bool Discard(nint address, nuint bytes) =>
        Finish(OsCall.Discard, Admit(OsCall.Discard) &&
            (OperatingSystem.IsWindows() ? WindowsMemory.Discard(address, bytes) : PosixMemory.Discard(address, bytes)));

    /// <summary>Writes a byte for each system page whose lowest bit says whether it is backed by memory; false where the system does not tell (it does on Linux).</summary>
    public bool TryFindResident(nint address, nuint bytes, byte* resident) =>
        OperatingSystem.IsLinux() && Finish(OsCall.Residency, Admit(OsCall.Residency) && PosixMemory.TryFindResident(address, bytes, resident));

    /// <summary>Makes whole system pages inaccessible; false when the system refused.</summary>
    public bool Fault(nint address, nuint bytes) =>
        Finish(OsCall.Fault, Admit(OsCall.Fault) &&
            (OperatingSystem.IsWindows() ? WindowsMemory.Protect(address, bytes, accessible: false) : PosixMemory.Protect(address, bytes, accessible: false)));

    /// <summary>Undoes <see cref="Fault"/>; false when the system refused (it can, at its limit of mappings).</summary>
    public bool Unfault(nint address, nuint bytes) =>
        Finish(OsCall.Unfault, Admit(OsCall.Unfault) &&
            (OperatingSystem.IsWindows() ? WindowsMemory.Protect(address, bytes, accessible: true) : PosixMemory.Protect(address, bytes, accessible: true)));

    /// <summary>
    /// Makes whole system pages inaccessible by markers in the page table, and gives their memory back (Linux 6.13 and later); false when
    /// the system has none, or refused.
    /// </summary>
    public bool InstallGuard(nint address, nuint bytes) =>
        OperatingSystem.IsLinux() && Finish(OsCall.InstallGuard, Admit(OsCall.InstallGuard) &&
            (Volatile.Read(ref _pretendsMarkers) || PosixMemory.InstallGuard(address, bytes)));

    /// <summary>Undoes <see cref="InstallGuard"/>; the pages read as zero then.</summary>
    public bool RemoveGuard(nint address, nuint bytes) =>
        OperatingSystem.IsLinux() && Finish(OsCall.RemoveGuard, Admit(OsCall.RemoveGuard) && PosixMemory.RemoveGuard(address, bytes));

    /// <summary>Asks for huge pages or asks for none; a refusal costs speed only.</summary>
    public bool AdviseHugePages(nint address, nuint bytes, bool wanted) =>
        !OperatingSystem.IsLinux() || Finish(OsCall.HugePageAdvice, Admit(OsCall.HugePageAdvice) && PosixMemory.AdviseHugePages(address, bytes, wanted));

    private static long ReadMappingLimit()
    {
        const long Unlimited = long.MaxValue;
        const long LinuxDefault = 65_530;
        try
        {
            return OperatingSystem.IsLinux() ? long.Parse(File.ReadAllText("/proc/sys/vm/max_map_count"), CultureInfo.InvariantCulture) : Unlimited;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return LinuxDefault;
        }
    }

    /// <summary>Writes to a page, gives it back and reads it: whether that is answered with yes, and by a page of zeros.</summary>
    internal static bool TryDiscard(delegate*<nint, nuint, bool> discard)
    {
        byte* block = (byte*)NativeMemory.Alloc(2 * PageSize);
        byte* page = (byte*)(((nuint)block + PageSize - 1) & ~(PageSize - 1));
        *page = 1;
        bool zero = discard((nint)page, PageSize) && Volatile.Read(ref *page) == 0;
        NativeMemory.Free(block);
        return zero;
    }

    private bool Admit(OsCall call)
    {
        Interlocked.Increment(ref _calls[(int)call]);
        return (int)call != Volatile.Read(ref _refusedKind)
            && (Volatile.Read(ref _failAfter) < 0 || Interlocked.Decrement(ref _failAfter) >= 0 || Refuse());
    }

    // A countdown that stays at zero refuses all later calls too.
    private bool Refuse()
    {
        Volatile.Write(ref _failAfter, _failOnce ? -1 : 0);
        return false;
    }

    private bool Finish(OsCall call, bool succeeded)
    {
        if (!succeeded)
        {
            Interlocked.Increment(ref _failures[(int)call]);
        }

        return succeeded;
    }
}
