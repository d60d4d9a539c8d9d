using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>
/// A cache that forgets what was used least recently: a table of chained entries, all of them in a list in both directions, each with a
/// block of its own for the value. What dies is what has lived longest, the worst for collectors that expect the young to die.
/// </summary>
/// <param name="name">On the command line and in tables.</param>
/// <param name="capacity">How many entries it holds.</param>
/// <param name="steps">How many times a key is looked for, and put in if it is not there.</param>
/// <param name="expected">How many are found, which does not depend on what keeps the entries; null if it is not known.</param>
internal sealed class LruCache(string name, int capacity, int steps, long? expected) : TracedWorkload(name)
{
    /// <summary>Numbers in a value.</summary>
    public const int ValueLength = 8;

    private const int Batch = 1000;
    private const ulong Seed = 20_250_302;

    // Two lookups of three hit once it is full.
    private int Keys => capacity / 2 * 3;

    private int BucketBits => int.Log2(capacity);

    public override TracedWorkload Small => new LruCache(Name, 2000, 20_000, null);

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapLru(session, capacity, BucketBits));

    public override void Run(DotnetSession session) => RunAll(new DotnetLru(capacity, BucketBits));

    /// <summary>Gets the bucket of a key among a power of two of buckets.</summary>
    public static int BucketOf(long key, int bits) => (int)(((ulong)key * 0x9e3779b97f4a7c15) >> (64 - bits));

    private void RunAll<T>(T cache)
        where T : ILru
    {
        var random = new SplitMix(Seed);
        long hits = 0;
        for (int i = 0; i < steps; i += Batch)
        {
            hits += cache.LookUp(Batch, Keys, ref random);
        }

        Require("the number of hits", expected ?? hits, hits);
        Require("the number of values that are their key's", capacity, cache.CountGood());
    }
}
