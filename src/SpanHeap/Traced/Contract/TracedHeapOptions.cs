using SpanHeap.Contract;

namespace SpanHeap.Traced;

/// <summary>
/// Options of a <see cref="TracedHeap"/>: those of traced memory, and those of any heap, which apply to its manual side as well. They are read
/// once, when the heap is created.
/// </summary>
public sealed class TracedHeapOptions : NativeHeapOptions
{
    // Maintenance runs twice in that time.
    private static readonly TimeSpan s_shortestIdleDelay = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan s_shortestPatience = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestPatience = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Gets or sets how much traced memory grows before the next collection is due, in percent of what was live after the last: 1 to 10,000; 100 by
    /// default.
    /// </summary>
    public int GrowthPercent { get; set; } = 100;

    /// <summary>Gets or sets the least growth of traced memory, in bytes, before a collection is due by itself; 64 MiB by default.</summary>
    public nuint MinimumBytes { get; set; } = 64 << 20;

    /// <summary>
    /// Gets or sets the bytes in use, counted as for <see cref="NativeHeapOptions.MemoryLimit"/>, that more frequent collections try not to exceed;
    /// 0, the default, for no such limit.
    /// </summary>
    /// <remarks>
    /// The heap may exceed it: because of what lives, because of manual blocks, and because a collection is due only when the heap has grown by an
    /// eighth of what lives. Near <see cref="NativeHeapOptions.MemoryLimit"/>, collections become more frequent as well.
    /// </remarks>
    public nuint SoftMemoryLimit { get; set; }

    /// <summary>
    /// Gets or sets whether collections that are due because of growth may be minor: they look for dead blocks only among those made since the
    /// collection before, and keep all others. False by default. Setting the environment variable <c>SPANHEAP_TRACED_GENERATIONAL</c> to 1 turns it on
    /// for all heaps.
    /// </summary>
    /// <remarks>
    /// A minor collection takes time for the young blocks that live and for the pages of 8 KiB in which references were stored, and not for all
    /// that lives. The heap goes back to major collections for a while where minor ones free little, and makes one when old blocks have doubled, or have
    /// grown by <see cref="GrowthPercent"/> if that is less, and after 16 minor ones in a row. Old blocks, their weak handles and their clean-ups wait for a major collection, which <see cref="TracedHeap.Collect"/> always is. Each store of a
    /// reference takes a few instructions more, and half a MiB for records counts toward the limit. A heap with custom layouts or collectable blocks has
    /// major collections only.
    /// </remarks>
    public bool Generational { get; set; }

    /// <summary>
    /// Gets or sets whether the end of an outermost scope, and a <see cref="TracedScope.Yield"/>, frees the blocks that were made in it, unless a reference to one
    /// of them was stored in another block, or a handle, weak handle, root array or clean-up names one. False by default. Setting the environment variable
    /// <c>SPANHEAP_TRACED_SCOPES</c> to 1 turns it on for all heaps.
    /// </summary>
    /// <remarks>
    /// <para>
    /// One such reference keeps all blocks of the scope until a collection. A thread whose blocks were kept makes its next blocks as without this option: at
    /// first a span or two, most of 8 KiB, then twice as many after each failure, up to 1,024. Scopes that make a few blocks are freed several at a time, at the
    /// end of one that needs more room; one that makes more than <see cref="MinimumBytes"/> frees nothing. Each store of a reference takes two instructions more, or about twenty if the two blocks lie on different pages.
    /// </para>
    /// <para>
    /// Scopes free nothing in heaps with full checks, guards (sampled ones, too), custom layouts or collectable blocks, and while a concurrent collection is
    /// marking (<see cref="CollectionPriority.Latency"/>). Blocks of scopes that are open do not count as <see cref="TracedStatistics.LiveBytes"/>.
    /// </para>
    /// </remarks>
    public bool FreeAtScopeEnd { get; set; }

    /// <summary>
    /// Gets or sets whether collections take as little time as possible in all, or keep threads waiting as briefly as possible;
    /// <see cref="CollectionPriority.Throughput"/> by default. Setting the environment variable <c>SPANHEAP_TRACED_PRIORITY</c> to <c>throughput</c> or
    /// <c>latency</c> determines it for all heaps, whatever their options are.
    /// </summary>
    /// <remarks>
    /// With <see cref="Generational"/>, it applies to major collections only; minor ones always keep threads out. With
    /// <see cref="CollectionPriority.Latency"/>, <see cref="MarkThreads"/> bounds the marker together with the program's threads that help it.
    /// </remarks>
    public CollectionPriority Priority { get; set; }

    /// <summary>
    /// Gets or sets whether only <see cref="TracedHeap.Collect"/> collects traced memory, without work on other threads: only threads that need
    /// memory and <see cref="TracedHeap.FinishSweeping"/> sweep.
    /// </summary>
    public bool ManualOnly { get; set; }

    /// <summary>
    /// Gets or sets how long a heap must be idle, after blocks were made in it, before it is collected for that reason: from 10 ms to a day, two
    /// minutes by default; <see cref="Timeout.InfiniteTimeSpan"/> for never.
    /// </summary>
    public TimeSpan IdleDelay { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Gets or sets the longest time for which a collection keeps threads from entering a scope while it waits for others to leave theirs: from 1
    /// ms to 10 s; one second by default.
    /// </summary>
    /// <remarks>
    /// The wait begins at 2 ms. It doubles for each eighth of the allowed growth by which the heap has exceeded
    /// <see cref="TracedStatistics.GoalBytes"/>, and is this time in full once a limit is reached. A failed attempt is repeated after ten times its
    /// wait.
    /// </remarks>
    public TimeSpan ScopePatience { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Gets or sets whether each collection writes a line to the error stream. Setting the environment variable <c>SPANHEAP_GCTRACE</c> to 1 turns
    /// it on for all heaps.
    /// </summary>
    public bool LogCollections { get; set; }

    /// <summary>
    /// Gets or sets the largest number of threads that mark at once, including the collecting thread and, with <see cref="CollectionPriority.Latency"/>,
    /// threads of the program that help it: 1 to 1,024; the number of processors by default.
    /// </summary>
    public int MarkThreads { get; set; } = Environment.ProcessorCount;

    /// <summary>
    /// Gets or sets whether each collection marks twice, the second time in a simple and slow way, and compares the results: to check the collector
    /// or a trace function. Setting the environment variable <c>SPANHEAP_TRACED_CHECKMARK</c> to 1 turns it on for all heaps.
    /// </summary>
    public bool VerifyMarking { get; set; }

    /// <summary>
    /// Gets or sets whether each collection requires that all references in live blocks, except those that trace functions find, were stored through the
    /// write barrier: to check the library. Setting the environment variable <c>SPANHEAP_TRACED_AUDIT</c> to 1 turns it on for all heaps.
    /// </summary>
    internal bool AuditStores { get; set; }

    /// <summary>
    /// Gets or sets whether traced memory is collected at each outermost <see cref="TracedHeap.Enter"/> and each <see cref="TracedScope.Yield"/>,
    /// unless another thread's scope prevents it, so that a reference kept too long refers to a dead block at its next use. For tests.
    /// </summary>
    /// <remarks>
    /// It implies <see cref="HeapChecks.Full"/>, which detects that use. A heap with <see cref="ManualOnly"/> is still collected by hand only.
    /// Setting the environment variable <c>SPANHEAP_TRACED_STRESS</c> to 1 turns it on for all traced heaps.
    /// </remarks>
    public bool Stress { get; set; }

    /// <summary>Makes a copy with what the environment sets for all traced heaps.</summary>
    /// <exception cref="FormatException">A variable has an invalid value; the message names the variable.</exception>
    internal TracedHeapOptions WithEnvironment(Func<string, string?> read)
    {
        TracedHeapOptions copy = (TracedHeapOptions)Copy();
        copy.Read(read);
        return copy;
    }

    private protected override void Validate()
    {
        base.Validate();
        OptionRange.RequireDelay(IdleDelay, s_shortestIdleDelay, nameof(IdleDelay));
        if (ScopePatience < s_shortestPatience || ScopePatience > s_longestPatience)
        {
            throw new ArgumentOutOfRangeException(
                nameof(ScopePatience),
                ScopePatience,
                $"{nameof(ScopePatience)} must be from {s_shortestPatience.TotalMilliseconds} ms to {s_longestPatience.TotalSeconds} s.");
        }

        if ((uint)Priority > (uint)CollectionPriority.Latency)
        {
            throw OptionRange.NotDefined(Priority, nameof(Priority));
        }

        OptionRange.RequireNumber(GrowthPercent, 1, 10_000, nameof(GrowthPercent));
        OptionRange.RequireNumber(MarkThreads, 1, 1024, nameof(MarkThreads));
    }

    private protected override void Complete(Func<string, string?> read)
    {
        Read(read);
        base.Complete(read);
    }

    private void Read(Func<string, string?> read)
    {
        VerifyMarking |= EnvironmentOption.Switch(read, "SPANHEAP_TRACED_CHECKMARK");
        AuditStores |= EnvironmentOption.Switch(read, "SPANHEAP_TRACED_AUDIT");
        Generational |= EnvironmentOption.Switch(read, "SPANHEAP_TRACED_GENERATIONAL");
        FreeAtScopeEnd |= EnvironmentOption.Switch(read, "SPANHEAP_TRACED_SCOPES");
        Priority = EnvironmentOption.Choice(read, "SPANHEAP_TRACED_PRIORITY", Priority);
        Stress |= EnvironmentOption.Switch(read, "SPANHEAP_TRACED_STRESS");
        Checks = Stress ? HeapChecks.Full : Checks;
        LogCollections |= EnvironmentOption.Switch(read, "SPANHEAP_GCTRACE");
    }
}
