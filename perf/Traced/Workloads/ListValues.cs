using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A list of numbers, by the collection that each memory manager's library has: filled, then read in three ways.</summary>
internal sealed class ListValues(string name, int length) : TracedWorkload(name)
{
    private const int Batch = 10_000;
    private const ulong Seed = 20_250_303;

    // More than one segment, so that those are warm, too.
    public override TracedWorkload Small => new ListValues(Name, 300_000);

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapNumbers(session));

    public override void Run(DotnetSession session) => RunAll(new DotnetNumbers());

    private void RunAll<T>(T list)
        where T : INumberList
    {
        long expected = (long)length * (length - 1) / 2;
        Time("insert", () =>
        {
            for (int i = 0; i < length; i += Batch)
            {
                list.Append(i, Batch);
            }
        });
        long inOrder = 0, drawn = 0, all = 0;
        Time("read_in_order", () =>
        {
            for (int i = 0; i < length; i += Batch)
            {
                inOrder += list.SumInOrder(i, Batch);
            }
        });
        Time("read_drawn", () =>
        {
            var random = new SplitMix(Seed);
            for (int i = 0; i < length; i += Batch)
            {
                drawn += list.SumAtRandom(Batch, length, ref random);
            }
        });
        Time("enumerate", () => all = list.Sum());
        Require("the sum in order", expected, inOrder);
        Require("the sum of what was drawn", Drawn(), drawn);
        Require("the sum of all", expected, all);
    }

    private long Drawn()
    {
        var random = new SplitMix(Seed);
        long sum = 0;
        for (int i = 0; i < length; i++)
        {
            sum += random.Below(length);
        }

        return sum;
    }
}
