using SpanHeap.Contract;

namespace SpanHeap;

/// <summary>
/// Provides the options of a heap's guarded blocks, which <see cref="NativeHeapOptions.Guard"/> holds. They are read once, when the heap is created.
/// </summary>
public sealed class GuardOptions
{
    private const int DefaultRate = 500_000;
    private const int LargestRate = 1_000_000_000;
    private const nuint DefaultBudget = 256 << 20;
    private const nuint DefaultSampleBudget = 1 << 20;

    /// <summary>
    /// Gets or sets which blocks are guarded, so that an access beside them, or after they are freed, faults at once. <see cref="GuardMode.All"/>
    /// implies <see cref="HeapChecks.Full"/>. When this is null, the environment variable <c>SPANHEAP_GUARD</c> (Off, Sampled or All) decides;
    /// without it, no blocks are guarded.
    /// </summary>
    public GuardMode? Mode { get; set; }

    /// <summary>
    /// Gets or sets the average number of allocations for each one that <see cref="GuardMode.Sampled"/> guards, from 1 to 1,000,000,000. The default
    /// is 500,000.
    /// </summary>
    /// <remarks>
    /// Allocations are counted on the fast path if <c>SPANHEAP_GUARD=Sampled</c>, or the <see cref="AppContext"/> switch
    /// <c>SpanHeap.GuardSampling</c>, was set before the first heap was created (in a project file: <c>RuntimeHostConfigurationOption</c>). Otherwise
    /// a heap that samples has no fast path, and each operation takes several times as long.
    /// </remarks>
    public int Rate { get; set; } = DefaultRate;

    /// <summary>
    /// Gets or sets where a guarded block lies within its pages: at their end to detect accesses past the block, or at their start to detect accesses
    /// before it. The default is <see cref="GuardAlignment.End"/>.
    /// </summary>
    public GuardAlignment Alignment { get; set; }

    /// <summary>
    /// Gets or sets whether a guarded block ends exactly where its guard page begins, so that access to a single byte past it faults. A block of an
    /// odd size is then unaligned unless an alignment is requested. Otherwise guarded blocks are aligned like all others, and the few bytes between
    /// the block and the guard page are checked when the block is freed. The default is false.
    /// </summary>
    public bool Strict { get; set; }

    /// <summary>
    /// Gets or sets the bytes of address space that freed guarded blocks may take before the oldest addresses are reused. Blocks too large for an
    /// arena may take as much again. They take almost no memory. With <see cref="GuardMode.Sampled"/>, live guarded blocks share this budget, less
    /// the space that they would take unguarded, and may take up to a quarter of the heap's pages in addition. The default, 0, stands for 256 MiB, or
    /// 1 MiB with <see cref="GuardMode.Sampled"/>.
    /// </summary>
    public nuint BudgetBytes { get; set; }

    /// <summary>Gets or sets whether the call stacks that allocate and free guarded blocks are recorded for reports. The default is true.</summary>
    public bool RecordStacks { get; set; } = true;

    /// <summary>
    /// Gets or sets whether faults in guarded memory are reported to the error stream before the runtime ends the process (Linux on x64). The default
    /// is true. Once a heap with guarded blocks has been created with it, it applies for the rest of the process.
    /// </summary>
    public bool ReportFaults { get; set; } = true;

    /// <summary>
    /// Gets or sets whether guarded blocks that are still live when the heap is disposed or the process ends are reported to the error stream, once
    /// for each heap. The default is false.
    /// </summary>
    /// <remarks>
    /// The process may end by returning from Main, by <see cref="Environment.Exit"/>, by an unhandled exception, or by SIGTERM, SIGINT or SIGHUP if
    /// no handler cancels it; the effect of the signal stays the same. A handler that was registered before the first such heap was created is called
    /// after the report. Nothing is reported when the process is killed or calls <see cref="Environment.FailFast(string)"/>, which the runtime
    /// announces to no one.
    /// </remarks>
    public bool ReportLeaks { get; set; }

    /// <summary>
    /// Gets or sets the path of a file that keeps the last events of guarded blocks, so that an address can be explained after the process has ended
    /// (<c>spanheap decode</c>); null, the default, for none. An existing file is overwritten. It takes 4 MiB, and two heaps cannot share it.
    /// </summary>
    /// <remarks>If the file cannot be written, the constructor of a heap with guarded blocks throws <see cref="IOException"/>.</remarks>
    public string? RecordFile { get; set; }

    internal GuardOptions Copy() => (GuardOptions)MemberwiseClone();

    /// <summary>Requires each option to be in range.</summary>
    internal void Validate()
    {
        if ((uint)Mode.GetValueOrDefault() > (uint)GuardMode.All)
        {
            throw OptionRange.NotDefined(Mode.GetValueOrDefault(), Named(nameof(Mode)));
        }

        if ((uint)Alignment > (uint)GuardAlignment.Random)
        {
            throw OptionRange.NotDefined(Alignment, Named(nameof(Alignment)));
        }

        OptionRange.RequireNumber(Rate, 1, LargestRate, Named(nameof(Rate)));
    }

    /// <summary>Applies what the environment asks of heaps whose options leave the mode alone, and what the mode implies.</summary>
    internal void Complete(Func<string, string?> read)
    {
        if (Mode == null && (Mode = EnvironmentOption.Choice<GuardMode>(read, "SPANHEAP_GUARD")) != GuardMode.Off)
        {
            Rate = EnvironmentOption.Number(read, "SPANHEAP_GUARD_RATE", 1, LargestRate, Rate);
            Alignment = Alignment != default ? Alignment : EnvironmentOption.Choice<GuardAlignment>(read, "SPANHEAP_GUARD_ALIGNMENT");
            Strict |= EnvironmentOption.Switch(read, "SPANHEAP_GUARD_STRICT");
            ReportLeaks |= EnvironmentOption.Switch(read, "SPANHEAP_GUARD_LEAKS");
            BudgetBytes = BudgetBytes != 0 ? BudgetBytes : EnvironmentOption.Bytes(read, "SPANHEAP_GUARD_BUDGET");
        }

        BudgetBytes = BudgetBytes != 0 ? BudgetBytes : Mode == GuardMode.Sampled ? DefaultSampleBudget : DefaultBudget;
    }

    // The name by which a message speaks of an option: how a program reaches it from the heap's options.
    private static string Named(string option) => $"{nameof(NativeHeapOptions.Guard)}.{option}";
}
