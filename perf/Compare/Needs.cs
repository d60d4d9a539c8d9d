namespace SpanHeap.Perf.Compare;

/// <summary>What a workload asks of an allocator beyond Alloc and Free.</summary>
[Flags]
internal enum Needs
{
    Nothing = 0,

    /// <summary>Blocks that are zero.</summary>
    Zeroed = 1,

    /// <summary>Blocks at given alignments.</summary>
    Aligned = 2,

    /// <summary>Blocks that grow.</summary>
    Realloc = 4,

    /// <summary>Blocks over 1 MiB.</summary>
    Huge = 8,
}
