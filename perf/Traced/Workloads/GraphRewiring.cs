using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>
/// A graph of nodes that all live: edges are led elsewhere and nodes replaced at random. Nothing dies young and no access is near the last.
/// </summary>
/// <param name="name">On the command line and in tables.</param>
/// <param name="nodes">How many nodes, each with <see cref="Edges"/> edges.</param>
/// <param name="steps">How many changes.</param>
/// <param name="expected">The sum at the end, which does not depend on what keeps the nodes; null if it is not known.</param>
internal sealed class GraphRewiring(string name, int nodes, int steps, long? expected) : TracedWorkload(name)
{
    /// <summary>Of each node.</summary>
    public const int Edges = 4;

    /// <summary>One step in this many replaces a node; the others lead an edge elsewhere.</summary>
    public const int StepsPerReplacement = 4;

    private const int Batch = 1000;
    private const ulong Seed = 20_240_917;

    public override TracedWorkload Small => new GraphRewiring(Name, 2000, 20_000, null);

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapGraph(session, nodes));

    public override void Run(DotnetSession session) => RunAll(new DotnetGraph(nodes));

    private void RunAll<T>(T graph)
        where T : IGraph
    {
        var random = new SplitMix(Seed);
        for (int i = 0; i < nodes; i += Batch)
        {
            graph.AddNodes(i, Batch);
        }

        for (int i = 0; i < nodes; i += Batch)
        {
            graph.AddEdges(i, Batch, ref random);
        }

        for (int i = 0; i < steps; i += Batch)
        {
            graph.Change(Batch, ref random);
        }

        long sum = graph.Sum();
        Require("the sum of the serial numbers at the ends of all edges", expected ?? sum, sum);
    }
}
