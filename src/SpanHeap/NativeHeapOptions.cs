namespace SpanHeap;

/// <summary>How much of a pointer's misuse a heap finds, and when.</summary>
public enum HeapChecks
{
    /// <summary>
    /// Foreign pointers and pointers into free pages are refused at the call, and pointers into a block by all calls but a free of a small
    /// one. Those and double frees are found later, when blocks return to their spans: dropped, counted and reported.
    /// </summary>
    Standard,

    /// <summary>
    /// All misuse of a pointer is refused at the call, before anything changes. Bytes behind a block are found written to when it is freed or
    /// resized. Blocks of up to 32 KiB are overwritten when they are freed; they and larger ones are kept back for a while
    /// (<see cref="NativeHeapOptions.QuarantineBytes"/>), and found written to at its end. Costs 8 bytes a block, and as much time as the
    /// bytes of the blocks take to write and to read.
    /// </summary>
    Full,
}

/// <summary>What a heap does with a pointer that no heap knows.</summary>
public enum ForeignFree
{
    /// <summary>It throws <see cref="HeapCorruptionException"/>.</summary>
    Throw,

    /// <summary>
    /// It gives it to <see cref="System.Runtime.InteropServices.NativeMemory"/>: for programs that move over gradually. A pointer that
    /// is nobody's is then undefined behaviour again, as it is there.
    /// </summary>
    Forward,
}

/// <summary>What a heap does when it finds misuse late, away from the call that was wrong.</summary>
public enum MisuseResponse
{
    /// <summary>Counts it in the statistics and raises <see cref="NativeHeap.MisuseFound"/>.</summary>
    Report,

    /// <summary>Ends the process with a message that names the address.</summary>
    FailFast,
}

/// <summary>How a <see cref="NativeHeap"/> is set up. Read once, when the heap is made.</summary>
public sealed class NativeHeapOptions
{
    private const int DefaultSampleRate = 500_000;
    private const int LargestSampleRate = 1_000_000_000;
    private const nuint DefaultBudget = 256 << 20;
    private const nuint DefaultSampleBudget = 1 << 20;
    private const nuint DefaultQuarantineBytes = 4 << 20;
    private const int DefaultQuarantineBlocks = 16_384;
    private const int LargestQuarantineBlocks = 1 << 24;

    private static readonly TimeSpan s_longestDelay = TimeSpan.FromDays(1);

    // Maintenance comes twice in it.
    private static readonly TimeSpan s_shortestIdleDelay = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan s_shortestPatience = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestPatience = TimeSpan.FromSeconds(10);

    /// <summary>A name for messages and statistics; <see langword="null"/> for one that is made up.</summary>
    public string? Name { get; set; }

    /// <summary>
    /// Bytes in use above which allocations throw <see cref="OutOfMemoryException"/>; 0 for no limit. Counted is what is resident once the
    /// program has touched all of its blocks: the pages of blocks, those that threads keep for reuse included, and the heap's records,
    /// about 40 KiB for each thread that uses the heap among them. So do freed blocks too large for an arena that stay mapped for a while,
    /// which go before anything is refused. Free pages, addresses and managed objects do not count.
    /// </summary>
    /// <remarks>
    /// A guarded block counts the bytes that were asked for, so that guarding makes no allocation fail; all pages of guarded blocks may
    /// take as much again as the limit, and blocks beyond that go unguarded.
    /// </remarks>
    public nuint MemoryLimit { get; set; }

    /// <summary>
    /// Whether .NET collects garbage and runs finalizers before <see cref="MemoryLimit"/> makes an allocation fail: blocks may belong to
    /// objects that are garbage and have not been finalized yet. True unless set.
    /// </summary>
    /// <remarks>
    /// It does so at most once a second, and for a twentieth of the time at most; the allocation waits for it for up to a second. Objects
    /// that own much native memory should tell the collector in any case, by <see cref="GC.AddMemoryPressure"/>.
    /// </remarks>
    public bool CollectAtLimit { get; set; } = true;

    /// <summary>
    /// How long memory stays free before it goes back to the system; <see cref="Timeout.InfiniteTimeSpan"/> for never. One second
    /// unless set; between half of it and one and a half may pass.
    /// </summary>
    public TimeSpan ScavengeDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How much misuse is found, and when.</summary>
    public HeapChecks Checks { get; set; }

    /// <summary>
    /// With <see cref="HeapChecks.Full"/>: bytes of freed blocks that are kept back before they serve again, so that a write through a pointer
    /// kept too long is found; 4 MiB unless set, 0 for none. Blocks leave in the order in which they were freed, but for a random
    /// share, and when the heap is left alone for its <see cref="ScavengeDelay"/>; one of more than a sixteenth of this is not kept back. A heap with a <see cref="MemoryLimit"/>, towards which these blocks count
    /// as do all that are kept for reuse, keeps back an eighth of it at most, and all are released before an allocation is refused.
    /// </summary>
    public nuint QuarantineBytes { get; set; } = DefaultQuarantineBytes;

    /// <summary>
    /// With <see cref="HeapChecks.Full"/>: how many freed blocks are kept back at most, 0 to 16,777,216; 16,384 unless set, 0 for none. Each takes
    /// 8 bytes of records from the first on.
    /// </summary>
    public int QuarantineBlocks { get; set; } = DefaultQuarantineBlocks;

    /// <summary>What happens to pointers that no heap knows.</summary>
    public ForeignFree ForeignFree { get; set; }

    /// <summary>What happens when misuse is found late.</summary>
    public MisuseResponse LateMisuse { get; set; }

    /// <summary>
    /// Which blocks are guarded, so that an access beside them or after they are freed faults at once. <see cref="GuardMode.All"/> brings
    /// <see cref="HeapChecks.Full"/> with it. <c>SPANHEAP_GUARD</c> (Off, Sampled or All) sets it for all heaps whose options leave it alone.
    /// </summary>
    public GuardMode? Guard { get; set; }

    /// <summary>One in how many allocations is guarded by <see cref="GuardMode.Sampled"/>: 1 to 1,000,000,000, 500,000 unless set.</summary>
    /// <remarks>
    /// Allocations are counted on the fast path where <c>SPANHEAP_GUARD=Sampled</c>, or the switch <c>SpanHeap.GuardSampling</c> of
    /// <see cref="AppContext"/>, was set before the first heap was made (in a project file: <c>RuntimeHostConfigurationOption</c>).
    /// Elsewhere a heap that samples has no fast path: it takes some 10 ns more for each operation.
    /// </remarks>
    public int GuardSampleRate { get; set; } = DefaultSampleRate;

    /// <summary>Where in its pages a guarded block lies: what is found at once is what is touched behind it, or before it.</summary>
    public GuardAlignment GuardAlignment { get; set; }

    /// <summary>
    /// Whether guarded blocks end exactly where their guard begins, so that a single byte too many faults; those of odd sizes are then not
    /// aligned, unless an alignment is asked for. Otherwise they are aligned as all blocks are, and the few bytes up to the guard are looked
    /// at when the block is freed.
    /// </summary>
    public bool GuardStrict { get; set; }

    /// <summary>
    /// Bytes of address space that freed guarded blocks may take before the oldest are used again (those too large for an arena as much
    /// again); memory they take almost none. In a sample live blocks share it with them, less what they would take unguarded, and may take up
    /// to a quarter of the heap's pages on top. 0, as unless set, for 256 MiB, and 1 MiB for a sample.
    /// </summary>
    public nuint GuardBudget { get; set; }

    /// <summary>Whether the stacks that allocate and free guarded blocks are kept for reports. True unless set.</summary>
    public bool GuardStacks { get; set; } = true;

    /// <summary>
    /// Whether faults in guarded memory are reported to the error stream before the runtime ends the process (Linux on x64). True unless
    /// set; once a heap with guarded blocks was made, for the rest of the process.
    /// </summary>
    public bool GuardFaultReport { get; set; } = true;

    /// <summary>
    /// Whether the guarded blocks that still live when the heap is disposed, or the process ends, are reported to the error stream, once for
    /// each heap. The process ends after its Main, by <see cref="Environment.Exit"/>, by an exception that nobody handles, or by one of the
    /// signals SIGTERM, SIGINT and SIGHUP that no handler cancels; what a signal does stays as it is. (A handler that was registered before the
    /// first such heap was made is called after the report.) Nothing is reported when it is killed,
    /// and when the program calls <see cref="Environment.FailFast(string)"/>, of which the runtime tells nobody.
    /// </summary>
    public bool GuardLeaks { get; set; }

    /// <summary>
    /// A file in which the last events of guarded blocks are kept, for who has an address after the process is gone (<c>perf -- guard
    /// decode</c>); null for none. It is overwritten, takes 4 MiB, and is one heap's alone.
    /// </summary>
    /// <remarks>One that cannot be written makes the constructor of a heap with guarded blocks throw <see cref="IOException"/>.</remarks>
    public string? GuardRecordFile { get; set; }

    /// <summary>
    /// Whether to ask the system for huge pages (Linux). Faster on large heaps; memory then goes back in pieces of 2 MiB or not at all.
    /// </summary>
    public bool HugePages { get; set; }

    /// <summary>
    /// Whether the heap has traced memory: blocks that are not freed by hand but when nothing reaches them any more. See
    /// <see cref="NativeHeap.Enter"/>. Costs 1.6 % of the address space, and no memory before it is used.
    /// </summary>
    public bool Traced { get; set; }

    /// <summary>How much traced memory grows, in percent of what was live after a collection, before the next is due: 1 to 10,000, 100 unless set.</summary>
    public int TracedGrowthPercent { get; set; } = 100;

    /// <summary>Bytes by which traced memory grows at least before a collection is due by itself. 64 MiB unless set.</summary>
    public nuint TracedMinimum { get; set; } = 64 << 20;

    /// <summary>
    /// Bytes in use, as <see cref="MemoryLimit"/> counts them, below which collections try to keep the heap by coming more often; 0, as
    /// unless set, for no such limit. It may be exceeded: by what lives, by what the program takes by hand, and because a collection is
    /// due only when the heap has grown by an eighth of what lives. Near <see cref="MemoryLimit"/> collections come more often, too.
    /// </summary>
    public nuint TracedMemoryLimit { get; set; }

    /// <summary>
    /// Whether traced memory is collected by <see cref="NativeHeap.Collect"/> alone, and nothing of it happens on other threads: sweeping
    /// is done by threads that need memory, and by <see cref="NativeHeap.FinishSweeping"/>.
    /// </summary>
    public bool TracedByHand { get; set; }

    /// <summary>
    /// How long a heap must have been left alone, after blocks were made in it, to be collected for that: up to a day, two minutes unless
    /// set; infinite for never.
    /// </summary>
    public TimeSpan TracedIdleDelay { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a collection keeps threads that want to enter a scope waiting, at the most, for others to leave theirs: from 1 ms to 10 s, a
    /// second unless set. It begins with 2 ms. That doubles with each eighth of the growth that was allowed by which the heap has grown
    /// beyond <see cref="TracedStatistics.GoalBytes"/>, and is all of it once a limit is reached; an attempt that was in vain is repeated
    /// after ten times as long.
    /// </summary>
    public TimeSpan TracedScopePatience { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Whether each collection writes a line to the error stream. On for all heaps when the environment variable <c>SPANHEAP_GCTRACE</c>
    /// is 1.
    /// </summary>
    public bool TracedTrace { get; set; }

    /// <summary>How many threads mark at most, the collecting one included: 1 to 1,024, as many as there are processors unless set.</summary>
    public int TracedMarkThreads { get; set; } = Environment.ProcessorCount;

    /// <summary>
    /// Whether each collection of traced memory is done twice, the second time in a plain and slow way, and compared: for who doubts the
    /// collector, or a trace function. On for all heaps when the environment variable <c>SPANHEAP_TRACED_CHECKMARK</c> is 1.
    /// </summary>
    public bool TracedCheckmark { get; set; }

    /// <summary>
    /// Whether traced memory is collected at each outermost <see cref="NativeHeap.Enter"/> and each <see cref="GcScope.Yield"/>, as far as no
    /// other thread's scope is in the way, so that a reference that was kept too long refers to a dead block at its next use; for tests. It
    /// brings <see cref="HeapChecks.Full"/> with it, which finds that use. A heap with <see cref="TracedByHand"/> is collected by hand all the
    /// same. On for all traced heaps when the environment variable <c>SPANHEAP_TRACED_STRESS</c> is 1.
    /// </summary>
    public bool TracedStress { get; set; }

    /// <summary>The options of the shared heap, from the environment.</summary>
    /// <exception cref="FormatException">A variable has a value that means nothing; the message names it.</exception>
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

    internal NativeHeapOptions Validated()
    {
        RequireDelay(ScavengeDelay, TimeSpan.Zero, nameof(ScavengeDelay));
        RequireDelay(TracedIdleDelay, s_shortestIdleDelay, nameof(TracedIdleDelay));

        if (TracedScopePatience < s_shortestPatience || TracedScopePatience > s_longestPatience)
        {
            throw new ArgumentOutOfRangeException(
                nameof(TracedScopePatience),
                TracedScopePatience,
                $"{nameof(TracedScopePatience)} must be from {s_shortestPatience.TotalMilliseconds} ms to {s_longestPatience.TotalSeconds} s.");
        }

        // Compared, not asked of Enum, and boxed only to be named: both cost each process some time at its start.
        if ((uint)Checks > (uint)HeapChecks.Full)
        {
            throw NotDefined(Checks, nameof(Checks));
        }

        if ((uint)ForeignFree > (uint)ForeignFree.Forward)
        {
            throw NotDefined(ForeignFree, nameof(ForeignFree));
        }

        if ((uint)LateMisuse > (uint)MisuseResponse.FailFast)
        {
            throw NotDefined(LateMisuse, nameof(LateMisuse));
        }

        if ((uint)Guard.GetValueOrDefault() > (uint)GuardMode.All)
        {
            throw NotDefined(Guard.GetValueOrDefault(), nameof(Guard));
        }

        if ((uint)GuardAlignment > (uint)GuardAlignment.Random)
        {
            throw NotDefined(GuardAlignment, nameof(GuardAlignment));
        }

        RequireInRange(QuarantineBlocks, 0, LargestQuarantineBlocks, nameof(QuarantineBlocks));
        RequireInRange(GuardSampleRate, 1, LargestSampleRate, nameof(GuardSampleRate));
        RequireInRange(TracedGrowthPercent, 1, 10_000, nameof(TracedGrowthPercent));
        RequireInRange(TracedMarkThreads, 1, 1024, nameof(TracedMarkThreads));
        NativeHeapOptions copy = WithTracedChecks(Environment.GetEnvironmentVariable);
        copy.CompleteGuard(Environment.GetEnvironmentVariable);
        return copy;
    }

    /// <summary>A copy with what the environment asks of all traced heaps.</summary>
    /// <exception cref="FormatException">The variable has a value that means nothing; the message names it.</exception>
    internal NativeHeapOptions WithTracedChecks(Func<string, string?> read)
    {
        NativeHeapOptions copy = (NativeHeapOptions)MemberwiseClone();
        copy.TracedCheckmark |= Traced && EnvironmentOption.Switch(read, "SPANHEAP_TRACED_CHECKMARK");
        copy.TracedStress |= Traced && EnvironmentOption.Switch(read, "SPANHEAP_TRACED_STRESS");
        copy.Checks = Traced && copy.TracedStress ? HeapChecks.Full : copy.Checks;
        copy.TracedTrace |= Traced && EnvironmentOption.Switch(read, "SPANHEAP_GCTRACE");
        return copy;
    }

    // What the environment asks of heaps that say nothing of guarding, and what the mode brings with it.
    private void CompleteGuard(Func<string, string?> read)
    {
        if (Guard == null && (Guard = EnvironmentOption.Choice<GuardMode>(read, "SPANHEAP_GUARD")) != GuardMode.Off)
        {
            GuardSampleRate = EnvironmentOption.Number(read, "SPANHEAP_GUARD_RATE", 1, LargestSampleRate, GuardSampleRate);
            GuardAlignment = GuardAlignment != default ? GuardAlignment : EnvironmentOption.Choice<GuardAlignment>(read, "SPANHEAP_GUARD_ALIGNMENT");
            GuardStrict |= EnvironmentOption.Switch(read, "SPANHEAP_GUARD_STRICT");
            GuardLeaks |= EnvironmentOption.Switch(read, "SPANHEAP_GUARD_LEAKS");
            GuardBudget = GuardBudget != 0 ? GuardBudget : EnvironmentOption.Bytes(read, "SPANHEAP_GUARD_BUDGET");
        }

        if (Guard == GuardMode.All)
        {
            Checks = HeapChecks.Full;
        }

        GuardBudget = GuardBudget != 0 ? GuardBudget : Guard == GuardMode.Sampled ? DefaultSampleBudget : DefaultBudget;
    }

    private static void RequireDelay(TimeSpan value, TimeSpan least, string name)
    {
        if (value != Timeout.InfiniteTimeSpan && (value < least || value > s_longestDelay))
        {
            throw new ArgumentOutOfRangeException(
                name, value, $"{name} must be from {least.TotalMilliseconds} ms to {s_longestDelay.TotalDays} day, or infinite.");
        }
    }

    private static void RequireInRange(int value, int least, int most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from {least} to {most}.");
        }
    }

    private static ArgumentOutOfRangeException NotDefined(Enum option, string name) =>
        new(name, option, $"{name} must be one of {string.Join(", ", Enum.GetNames(option.GetType()))}.");
}
