using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Numbers by keys, in the dictionary that each memory manager's library has: filled, then looked into, in vain every second time.</summary>
/// <param name="name">On the command line and in tables.</param>
/// <param name="length">How many entries there are.</param>
/// <param name="scatter">What a number is multiplied with for its key: an odd number, of which 1 makes keys that were counted up.</param>
internal sealed class DictionaryValues(string name, int length, ulong scatter) : TracedWorkload(name)
{
    /// <summary>An odd number without a pattern: no two products are the same.</summary>
    public const ulong Scattered = 0xd1342543de82ef95;

    private const int Batch = 10_000;
    private const ulong Seed = 20_250_304;

    // More than one segment of entries and of buckets, so that those are warm, too.
    public override TracedWorkload Small => new DictionaryValues(Name, 300_000, scatter);

    public static long KeyOf(int number, ulong scatter) => (long)((ulong)number * scatter);

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapTable(session));

    public override void Run(DotnetSession session) => RunAll(new DotnetTable());

    private void RunAll<T>(T table)
        where T : INumberTable
    {
        Time("insert", () =>
        {
            for (int i = 0; i < length; i += Batch)
            {
                table.Add(i, Batch, scatter);
            }
        });
        long found = 0;
        Time("look_up", () =>
        {
            var random = new SplitMix(Seed);
            for (int i = 0; i < length; i += Batch)
            {
                found += table.SumAtRandom(Batch, 2 * length, scatter, ref random);
            }
        });
        Require("the sum of what was found", Drawn(), found);
    }

    private long Drawn()
    {
        var random = new SplitMix(Seed);
        long sum = 0;
        for (int i = 0; i < length; i++)
        {
            int number = random.Below(2 * length);
            sum += number < length ? number : 0;
        }

        return sum;
    }
}
