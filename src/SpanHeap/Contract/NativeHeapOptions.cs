using SpanHeap.Contract;

namespace SpanHeap;

/// <summary>Specifies how much pointer misuse a heap detects, and when.</summary>
public enum HeapChecks
{
    /// <summary>
    /// The call refuses foreign pointers and pointers into free pages, and also pointers into the middle of a block unless it frees a small block.
    /// Those and double frees are found later, when blocks return to their spans; they are then dropped, counted and reported.
    /// </summary>
    Standard,

    /// <summary>
    /// The call refuses every misuse of a pointer before anything changes. A write past the end of a block is found when the block is freed or
    /// resized. Freed blocks of up to 32 KiB are overwritten; they and larger ones are held back for a while
    /// (<see cref="NativeHeapOptions.QuarantineBytes"/>), and writes to them are found when that time ends. The same goes for dead traced blocks, to
    /// which references are refused for that time. These checks cost 8 bytes for each block and the time to write and read the block's bytes.
    /// </summary>
    Full,
}

/// <summary>Specifies what a heap does when it is asked to free or resize a pointer that belongs to no heap.</summary>
public enum ForeignFree
{
    /// <summary>The heap throws <see cref="HeapCorruptionException"/>.</summary>
    Throw,

    /// <summary>
    /// The heap passes the pointer on to <see cref="System.Runtime.InteropServices.NativeMemory"/>, so that a program can migrate gradually. As with
    /// that class, a pointer that was never allocated then leads to undefined behavior.
    /// </summary>
    Forward,
}

/// <summary>Specifies what a heap does when it finds misuse later than the call that caused it.</summary>
public enum MisuseResponse
{
    /// <summary>The heap counts the misuse in its statistics and raises <see cref="NativeHeap.MisuseFound"/>.</summary>
    Report,

    /// <summary>The heap ends the process with a message that names the address.</summary>
    FailFast,
}

/// <summary>Provides the options of a <see cref="NativeHeap"/>. They are read once, when the heap is created.</summary>
public class NativeHeapOptions
{
    private const nuint DefaultQuarantineBytes = 4 << 20;
    private const int DefaultQuarantineBlocks = 16_384;
    private const int LargestQuarantineBlocks = 1 << 24;

    private GuardOptions _guard = new();

    /// <summary>Gets or sets the heap's name in messages and statistics, or <see langword="null"/> for a generated name.</summary>
    public string? Name { get; set; }

    /// <summary>
    /// Gets or sets the number of bytes in use above which allocations throw <see cref="OutOfMemoryException"/>; 0, the default, for no limit. What
    /// counts is the memory that is resident once the program has touched all of its blocks: the pages of blocks, including blocks that threads keep
    /// for reuse, and the heap's records, which are about 40 KiB for each thread that uses the heap. Freed blocks too large for an arena count while
    /// they stay mapped; they are released before an allocation is refused. Free pages, reserved addresses and managed objects do not count.
    /// </summary>
    /// <remarks>
    /// A guarded block counts with the bytes that were requested, so guarding makes no allocation fail. The pages of all guarded blocks may take as
    /// much memory again as the limit; blocks beyond that are not guarded.
    /// </remarks>
    public nuint MemoryLimit { get; set; }

    /// <summary>
    /// Gets or sets whether .NET collects garbage and runs finalizers before <see cref="MemoryLimit"/> makes an allocation fail, since blocks may
    /// belong to unreachable objects that have not been finalized yet. The default is true.
    /// </summary>
    /// <remarks>
    /// This happens at most once a second and for at most a twentieth of the time. The allocation waits for it for up to one second. Objects that own
    /// much native memory should inform the garbage collector in any case by calling <see cref="GC.AddMemoryPressure"/>.
    /// </remarks>
    public bool CollectAtLimit { get; set; } = true;

    /// <summary>
    /// Gets or sets how long memory stays free before it is returned to the system: zero to one day, or <see cref="Timeout.InfiniteTimeSpan"/> for
    /// never. The default is one second. The actual delay is between half and one and a half times this value, and up to eight times as long for
    /// memory that the program has lately requested again soon after it was returned (at most 256 MiB of pages and 256 MiB of huge blocks, and of each a
    /// quarter of <see cref="MemoryLimit"/>).
    /// </summary>
    public TimeSpan ScavengeDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets or sets how much misuse the heap detects, and when. The default is <see cref="HeapChecks.Standard"/>.</summary>
    public HeapChecks Checks { get; set; }

    /// <summary>
    /// Gets or sets how many bytes of freed blocks are held back before they are reused, so that a write through a stale pointer is found. Applies
    /// with <see cref="HeapChecks.Full"/>. The default is 4 MiB; 0 holds nothing back. Blocks leave in the order in which they were freed, except for
    /// a random share; all leave when the heap has been idle for its <see cref="ScavengeDelay"/>. A block larger than a sixteenth of this value is
    /// not held back. In a heap with a <see cref="MemoryLimit"/>, held-back blocks count towards the limit as all cached blocks do, take an eighth of
    /// it at most, and are released before an allocation is refused.
    /// </summary>
    /// <remarks>
    /// Traced memory has the same number of bytes for itself, and at most an eighth of the soft limit of its heap, too. Nothing is allocated from a
    /// span (a run of pages with blocks of one kind) in which blocks have died until the span leaves quarantine, so a stale reference refers to no
    /// block until then. The free slots of these spans are what counts. Spans without live blocks leave when the heap is idle, the others in a
    /// collection or an allocation.
    /// </remarks>
    public nuint QuarantineBytes { get; set; } = DefaultQuarantineBytes;

    /// <summary>
    /// Gets or sets how many freed blocks are held back at most: 0, for none, to 16,777,216. Applies with <see cref="HeapChecks.Full"/>. The default
    /// is 16,384. Each takes 8 bytes of records, all of which are allocated when the first block is held back.
    /// </summary>
    public int QuarantineBlocks { get; set; } = DefaultQuarantineBlocks;

    /// <summary>Gets or sets what happens to a pointer that belongs to no heap. The default is <see cref="ForeignFree.Throw"/>.</summary>
    public ForeignFree ForeignFree { get; set; }

    /// <summary>
    /// Gets or sets what happens when misuse is found later than the call that caused it. The default is <see cref="MisuseResponse.Report"/>.
    /// </summary>
    public MisuseResponse LateMisuse { get; set; }

    /// <summary>
    /// Gets or initializes the options of guarded blocks, which make an access beside a block, or after it is freed, fault at once. By default no
    /// blocks are guarded unless the environment says so.
    /// </summary>
    /// <remarks>An option is set by <c>new NativeHeapOptions { Guard = { Mode = GuardMode.All } }</c>.</remarks>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public GuardOptions Guard
    {
        get => _guard;
        init => _guard = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>
    /// Gets or sets whether to ask the system for huge pages (Linux). They make large heaps faster, but memory is then returned in pieces of 2 MiB or
    /// not at all. The default is false.
    /// </summary>
    public bool HugePages { get; set; }

    /// <summary>Reads the options of the shared heap from the environment.</summary>
    /// <exception cref="FormatException">The value of a variable is invalid; the message names the variable.</exception>
    internal static NativeHeapOptions FromEnvironment(Func<string, string?> read) => new()
    {
        Name = "Shared",
        MemoryLimit = EnvironmentOption.Bytes(read, "SPANHEAP_MEMORY_LIMIT"),
        ScavengeDelay = EnvironmentOption.Milliseconds(read, "SPANHEAP_SCAVENGE_DELAY_MS", TimeSpan.FromSeconds(1)),
        Checks = EnvironmentOption.Choice<HeapChecks>(read, "SPANHEAP_CHECKS"),
        QuarantineBytes = EnvironmentOption.Bytes(read, "SPANHEAP_QUARANTINE_BYTES", DefaultQuarantineBytes),
        QuarantineBlocks = EnvironmentOption.Number(read, "SPANHEAP_QUARANTINE_BLOCKS", 0, LargestQuarantineBlocks, DefaultQuarantineBlocks),
        ForeignFree = EnvironmentOption.Choice<ForeignFree>(read, "SPANHEAP_FOREIGN_FREE"),
        LateMisuse = EnvironmentOption.Choice<MisuseResponse>(read, "SPANHEAP_LATE_MISUSE"),
        HugePages = EnvironmentOption.Switch(read, "SPANHEAP_HUGE_PAGES"),
    };

    /// <summary>Checks that all options are in range, and returns a copy completed with the settings in the environment.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="FormatException">The value of a variable is invalid; the message names the variable.</exception>
    internal NativeHeapOptions Validated()
    {
        NativeHeapOptions copy = Copy();
        copy.Validate();
        copy.Complete(Environment.GetEnvironmentVariable);
        return copy;
    }

    /// <summary>Requires each option to be in range.</summary>
    private protected virtual void Validate()
    {
        OptionRange.RequireDelay(ScavengeDelay, TimeSpan.Zero, nameof(ScavengeDelay));

        // Compared without Enum.IsDefined, and boxed only for the message: both would cost each process some time at its start.
        if ((uint)Checks > (uint)HeapChecks.Full)
        {
            throw OptionRange.NotDefined(Checks, nameof(Checks));
        }

        if ((uint)ForeignFree > (uint)ForeignFree.Forward)
        {
            throw OptionRange.NotDefined(ForeignFree, nameof(ForeignFree));
        }

        if ((uint)LateMisuse > (uint)MisuseResponse.FailFast)
        {
            throw OptionRange.NotDefined(LateMisuse, nameof(LateMisuse));
        }

        OptionRange.RequireNumber(QuarantineBlocks, 0, LargestQuarantineBlocks, nameof(QuarantineBlocks));
        Guard.Validate();
    }

    /// <summary>Applies the settings in the environment, and sets what an option implies.</summary>
    private protected virtual void Complete(Func<string, string?> read)
    {
        Guard.Complete(read);
        Checks = Guard.Mode == GuardMode.All ? HeapChecks.Full : Checks;
    }

    /// <summary>Makes a copy that no later change of these options reaches.</summary>
    private protected NativeHeapOptions Copy()
    {
        NativeHeapOptions copy = (NativeHeapOptions)MemberwiseClone();
        copy._guard = _guard.Copy();
        return copy;
    }
}
