using System.Globalization;
using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>
/// The one place where a heap calls the system. Every call is counted and every result checked here, and a test can make the n-th call fail.
/// </summary>
/// <remarks>Thread safe. Nothing here throws: a failure is a return value, because callers are between two consistent states.</remarks>
internal sealed unsafe class OsMemory
{
    private const int Kinds = (int)OsCall.ShrinkArena + 1;

    // Written by any thread through Interlocked, read by statistics.
    private readonly long[] _calls = new long[Kinds];
    private readonly long[] _failures = new long[Kinds];

    // The managed number of the thread whose calls are counted. And twice the number of these calls, plus 1 during a call; written by that thread.
    private int _watchedThread;
    private long _watchedCalls;

    // The number of calls left until one is refused; negative means never. Set by tests only.
    private long _failAfter = -1;
    private bool _failOnce;

    // The kind of call that is refused; -1 for none. Set by tests only.
    private int _refusedKind = -1;

    // Whether the system accepts requests for markers but makes none, as emulators do. Set by tests only.
    private bool _pretendsMarkers;

    // Read only when the first heap with guarded blocks is created.
    private static readonly Lazy<long> s_mappingLimit = new(ReadMappingLimit, LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The size of a system page in bytes. Discarding rounds inwards to pages, faulting outwards.</summary>
    public static nuint PageSize { get; } = (nuint)Environment.SystemPageSize;

    /// <summary>
    /// The number of mappings that a process may have, where each range whose protection differs from its neighbors' is one. Very large if the system
    /// has no limit.
    /// </summary>
    public static long MappingLimit() => s_mappingLimit.Value;

    /// <summary>
    /// Whether pages given back by <see cref="Discard"/> read as zero afterwards. Tested once for each process: Linux promises it, but emulators and
    /// sandboxes that stand in for it accept the call and do nothing.
    /// </summary>
    public static bool DiscardedPagesAreZero { get; } = OperatingSystem.IsLinux() && TryDiscard(&PosixMemory.Discard);

    /// <summary>Refuses the n-th call from now (0 for the next one) and all later ones, until this is called with a negative number.</summary>
    internal void FailAfter(long calls)
    {
        _failOnce = false;
        Volatile.Write(ref _failAfter, calls);
    }

    /// <summary>Refuses the n-th call from now (0 for the next one) and no other.</summary>
    internal void FailOnly(long calls)
    {
        _failOnce = true;
        Volatile.Write(ref _failAfter, calls);
    }

    /// <summary>Accepts requests for markers in the page table from now on, but makes none.</summary>
    internal void PretendMarkers() => Volatile.Write(ref _pretendsMarkers, true);

    /// <summary>The number of bytes above which mapping is refused, as it is where address space is scarce. Set by tests only.</summary>
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

    /// <summary>
    /// A number that is odd while the thread that called <see cref="WatchCalls"/> is in a call that gives memory back, and that differs from call to
    /// call. As long as it stays the same odd number, that thread changes nothing.
    /// </summary>
    public long WatchedCall => Volatile.Read(ref _watchedCalls);

    /// <summary>Registers the calling thread, which is going to give memory back step by step.</summary>
    public void WatchCalls() => Volatile.Write(ref _watchedThread, Environment.CurrentManagedThreadId);

    /// <summary>Allocates memory with <see cref="NativeMemory"/>. Returns null when there is none.</summary>
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

    /// <summary>
    /// Resizes a block of <see cref="Allocate"/>, moving pages rather than bytes where the system can. Returns null, with the block unchanged, when
    /// it cannot.
    /// </summary>
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

    /// <summary>
    /// Maps zeroed system memory at a multiple of a power of two. Returns 0 when there is none, or when the system has no such request.
    /// </summary>
    public nint Map(nuint bytes, nuint alignment)
    {
        nint mapped = Admit(OsCall.MapArena) && bytes <= LargestMap && OperatingSystem.IsLinux() && PosixMemory.CanMap ? AlignedMappings.TryMap(bytes, alignment) : 0;
        Finish(OsCall.MapArena, mapped != 0);
        return mapped;
    }

    /// <summary>
    /// Maps more zeroed memory where memory of <see cref="Map"/> ends. Returns false when the place is taken or there is no memory.
    /// </summary>
    public bool ExtendMap(nint end, nuint bytes) => Finish(OsCall.ExtendArena, Admit(OsCall.ExtendArena) && bytes <= LargestMap && PosixMemory.MapAt(end, bytes));

    /// <summary>
    /// Gives the end of memory of <see cref="Map"/> and its addresses back. Returns false, with nothing changed, when the system refused.
    /// </summary>
    public bool ShrinkMap(nint start, nuint bytes) => Finish(OsCall.ShrinkArena, Admit(OsCall.ShrinkArena) && PosixMemory.Unmap(start, bytes));

    /// <summary>Gives memory of <see cref="Map"/> and its addresses back. To the caller this cannot fail, so tests cannot make it fail.</summary>
    public void Unmap(nint address, nuint bytes)
    {
        LockOrder.AssertNoneHeld();
        Interlocked.Increment(ref _calls[(int)OsCall.ReleaseArena]);
        if (PosixMemory.Unmap(address, bytes))
        {
            AlignedMappings.NoteFree(address);
        }
        else
        {
            // Unmapping would leave more mappings than a process may have. Then the memory is given back and the addresses are lost.
            Finish(OsCall.ReleaseArena, succeeded: false);
            PosixMemory.Discard(address, bytes);
        }
    }

    /// <summary>Determines whether memory is resident as soon as it is mapped, because the program has locked all its future mappings.</summary>
    public static bool IsMappingLocked()
    {
        // Determined by trying, because it can change at any time. Nothing is kept, so nothing is counted and nothing can be refused.
        nint page = OperatingSystem.IsLinux() && PosixMemory.CanMap ? PosixMemory.MapAnywhere(PageSize) : 0;
        if (page == 0)
        {
            return false;
        }

        bool locked = PosixMemory.IsResident(page, PageSize);
        PosixMemory.Unmap(page, PageSize);
        return locked;
    }

    /// <summary>Frees memory of <see cref="Allocate"/>; null is ignored. Cannot fail, so tests cannot make it fail.</summary>
    public void Free(void* block)
    {
        LockOrder.AssertNoneHeld();
        if (block != null)
        {
            Interlocked.Increment(ref _calls[(int)OsCall.ReleaseArena]);
            bool watched = BeginWatched();
            NativeMemory.Free(block);
            EndWatched(watched);
        }
    }

    /// <summary>Gives the memory of whole system pages back but keeps their addresses. Returns false when the system refused.</summary>
    public bool Discard(nint address, nuint bytes)
    {
        bool watched = BeginWatched();
        bool discarded = Admit(OsCall.Discard) &&
            (OperatingSystem.IsWindows() ? WindowsMemory.Discard(address, bytes) : PosixMemory.Discard(address, bytes));
        EndWatched(watched);
        return Finish(OsCall.Discard, discarded);
    }

    /// <summary>
    /// Writes a byte for each system page whose lowest bit says whether memory backs the page. Returns false where the system cannot tell (Linux
    /// can).
    /// </summary>
    public bool TryFindResident(nint address, nuint bytes, byte* resident) =>
        OperatingSystem.IsLinux() && Finish(OsCall.Residency, Admit(OsCall.Residency) && PosixMemory.TryFindResident(address, bytes, resident));

    /// <summary>Makes whole system pages inaccessible. Returns false when the system refused.</summary>
    public bool Fault(nint address, nuint bytes) =>
        Finish(OsCall.Fault, Admit(OsCall.Fault) &&
            (OperatingSystem.IsWindows() ? WindowsMemory.Protect(address, bytes, accessible: false) : PosixMemory.Protect(address, bytes, accessible: false)));

    /// <summary>Undoes <see cref="Fault"/>. Returns false when the system refused, as it may at its limit of mappings.</summary>
    public bool Unfault(nint address, nuint bytes) =>
        Finish(OsCall.Unfault, Admit(OsCall.Unfault) &&
            (OperatingSystem.IsWindows() ? WindowsMemory.Protect(address, bytes, accessible: true) : PosixMemory.Protect(address, bytes, accessible: true)));

    /// <summary>
    /// Makes whole system pages inaccessible with markers in the page table, and gives their memory back (Linux 6.13 and later). Returns false when
    /// the system has no markers or refused.
    /// </summary>
    public bool InstallGuard(nint address, nuint bytes) =>
        OperatingSystem.IsLinux() && Finish(OsCall.InstallGuard, Admit(OsCall.InstallGuard) &&
            (Volatile.Read(ref _pretendsMarkers) || PosixMemory.InstallGuard(address, bytes)));

    /// <summary>Undoes <see cref="InstallGuard"/>. The pages read as zero afterwards.</summary>
    public bool RemoveGuard(nint address, nuint bytes) =>
        OperatingSystem.IsLinux() && Finish(OsCall.RemoveGuard, Admit(OsCall.RemoveGuard) && PosixMemory.RemoveGuard(address, bytes));

    /// <summary>Asks for huge pages, or for none. A refusal costs only speed.</summary>
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

    /// <summary>
    /// Writes to a page, discards it and reads it again. Returns whether the system accepted the call and the page then reads as zero.
    /// </summary>
    internal static bool TryDiscard(delegate*<nint, nuint, bool> discard)
    {
        byte* block = (byte*)NativeMemory.Alloc(2 * PageSize);
        byte* page = (byte*)(((nuint)block + PageSize - 1) & ~(PageSize - 1));
        *page = 1;
        bool zero = discard((nint)page, PageSize) && Volatile.Read(ref *page) == 0;
        NativeMemory.Free(block);
        return zero;
    }

    // In this order: a reader that sees the same odd number twice has seen nothing in between that came before or after the call.
    private bool BeginWatched()
    {
        bool watched = Environment.CurrentManagedThreadId == Volatile.Read(ref _watchedThread);
        if (watched)
        {
            Interlocked.Increment(ref _watchedCalls);
        }

        return watched;
    }

    private void EndWatched(bool watched)
    {
        if (watched)
        {
            Interlocked.Increment(ref _watchedCalls);
        }
    }

    private bool Admit(OsCall call)
    {
        LockOrder.AssertNoneHeld();
        Interlocked.Increment(ref _calls[(int)call]);
        return (int)call != Volatile.Read(ref _refusedKind)
            && (Volatile.Read(ref _failAfter) < 0 || Interlocked.Decrement(ref _failAfter) >= 0 || Refuse());
    }

    // A countdown that has reached zero refuses all later calls, too.
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
