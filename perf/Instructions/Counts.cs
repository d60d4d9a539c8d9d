namespace SpanHeap.Perf.Instructions;

/// <summary>What a process took, or a pair of an Alloc and a Free.</summary>
/// <param name="Instructions">How many it executed.</param>
/// <param name="FirstLevelMisses">How often data was not in the first level of the cache; null where caches were not simulated.</param>
/// <param name="LastLevelMisses">How often it was not in the last level.</param>
internal readonly record struct Counts(double Instructions, double? FirstLevelMisses, double? LastLevelMisses)
{
    public static Counts operator -(Counts left, Counts right) => new(
        left.Instructions - right.Instructions, left.FirstLevelMisses - right.FirstLevelMisses, left.LastLevelMisses - right.LastLevelMisses);

    public static Counts operator /(Counts counts, double pairs) =>
        new(counts.Instructions / pairs, counts.FirstLevelMisses / pairs, counts.LastLevelMisses / pairs);
}
