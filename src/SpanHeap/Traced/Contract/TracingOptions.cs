namespace SpanHeap.Traced.Contract;

/// <summary>How a heap's traced memory is collected. The values are validated.</summary>
internal sealed record TracingOptions
{
    // As good as never, and far from where sums overflow.
    private static readonly nuint s_largestMinimum = (nuint)1 << 60;

    /// <summary>How much the heap may grow, in hundredths of what was live after a cycle, before the next begins.</summary>
    public int GrowthPercent { get; init; } = 100;

    /// <summary>Bytes below which no cycle begins by itself.</summary>
    public long MinimumBytes { get; init; }

    /// <summary>Bytes in use that cycles try to stay below; <see cref="long.MaxValue"/> for no such limit.</summary>
    public long SoftLimitBytes { get; init; } = long.MaxValue;

    /// <summary>Whether no cycle begins by itself, and no thread works in the background.</summary>
    public bool ByHand { get; init; }

    /// <summary>Whether a cycle is due at each outermost scope and each Yield.</summary>
    public bool IsStressed { get; init; }

    /// <summary>Whether cycles may be minor.</summary>
    public bool HasMinors { get; init; }

    /// <summary>Whether scopes free the blocks that have not escaped from them.</summary>
    public bool FreesAtScopeEnd { get; init; }

    /// <summary>Whether cycles mark while threads go on, unless something of them or of the heap prevents it.</summary>
    public bool IsConcurrent { get; init; }

    /// <summary>How long a heap must be idle to be collected for that reason; infinite for never.</summary>
    public TimeSpan IdleDelay { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Whether each cycle writes a line to the error stream.</summary>
    public bool WritesTrace { get; init; }

    /// <summary>How long the collector keeps threads out while it waits for one that is in a scope, before the heap has outgrown its goal.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>The longest such wait, however much the heap has outgrown its goal.</summary>
    public TimeSpan LongestPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The largest number of threads that mark.</summary>
    public int MarkThreads { get; init; } = 1;

    /// <summary>Converts the options of a heap to the units of the parts.</summary>
    public static TracingOptions Of(TracedHeapOptions options) => new()
    {
        GrowthPercent = options.GrowthPercent,
        MinimumBytes = (long)nuint.Min(options.MinimumBytes, s_largestMinimum),
        SoftLimitBytes = options.SoftMemoryLimit == 0 ? long.MaxValue : (long)Math.Min((ulong)options.SoftMemoryLimit, long.MaxValue),
        ByHand = options.ManualOnly,
        IsStressed = options.Stress && !options.ManualOnly,
        HasMinors = options.Generational,
        FreesAtScopeEnd = options.FreeAtScopeEnd,
        IsConcurrent = options.Priority == CollectionPriority.Latency && options.Checks != HeapChecks.Full,
        IdleDelay = options.IdleDelay,
        WritesTrace = options.LogCollections,
        LongestPatience = options.ScopePatience,
        MarkThreads = options.MarkThreads,
    };
}
