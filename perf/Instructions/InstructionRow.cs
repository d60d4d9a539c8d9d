using System.Text.Json.Serialization;

namespace SpanHeap.Perf.Instructions;

/// <summary>What one allocator takes for a pair of an Alloc and a Free. Scripts depend on the names, which become snake_case in the file.</summary>
internal sealed record InstructionRow(string Workload, string Allocator, double InstructionsPerPair)
{
    /// <summary>Misses of data in the first level of the cache; only where caches were simulated.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? FirstLevelMissesPerPair { get; init; }

    /// <summary>Misses of data in the last level of the cache; only where caches were simulated.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LastLevelMissesPerPair { get; init; }
}
