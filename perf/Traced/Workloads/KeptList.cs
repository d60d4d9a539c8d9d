using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A long list that is kept: collected and walked a few times. To mark it is one step after the other, whatever the threads.</summary>
internal sealed class KeptList(string name, int length) : TracedWorkload(name)
{
    private const int Collections = 3;
    private const int Batch = 10_000;

    public override TracedWorkload Small => new KeptList(Name, 20_000);

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapList(session));

    public override void Run(DotnetSession session) => RunAll(new DotnetList());

    private void RunAll<T>(T list)
        where T : IListMaker
    {
        for (int i = 0; i < length; i += Batch)
        {
            list.Prepend(i, Batch);
        }

        for (int i = 0; i < Collections; i++)
        {
            list.Collect();
            Require("the sum of the values", (long)length * (length - 1) / 2, list.Sum());
        }
    }
}
