using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>
/// GCBench of Ellis, Kovac and Boehm: trees built from the top and from the bottom and dropped, as many nodes of each depth, beside a
/// tree and an array of numbers that live long.
/// </summary>
internal sealed class GcBench(string name, int longLivedDepth, int arrayLength) : TracedWorkload(name)
{
    private const int SmallestDepth = 4;
    private const int DepthStep = 2;
    private const int LookedAt = 1000;

    // By how many levels the tree that stretches memory is deeper than the deepest of the others.
    private const int StretchBy = 2;

    public override TracedWorkload Small => new GcBench(Name, 6, arrayLength);

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapGcBench(session));

    public override void Run(DotnetSession session) => RunAll(new DotnetGcBench());

    private void RunAll<T>(T nodes)
        where T : IGcBench
    {
        nodes.BuildUp(longLivedDepth + StretchBy);
        nodes.KeepTree(longLivedDepth);
        nodes.KeepNumbers(arrayLength);
        for (int depth = SmallestDepth; depth <= longLivedDepth; depth += DepthStep)
        {
            long iterations = 2 * NodesOf(longLivedDepth + StretchBy) / NodesOf(depth);
            for (long i = 0; i < iterations; i++)
            {
                nodes.BuildDown(depth);
            }

            for (long i = 0; i < iterations; i++)
            {
                nodes.BuildUp(depth);
            }
        }

        Require("the long-lived tree", NodesOf(longLivedDepth), nodes.CountKeptTree());
        Require("a number of the array", BitConverter.DoubleToInt64Bits(NumberAt(LookedAt)), BitConverter.DoubleToInt64Bits(nodes.NumberAt(LookedAt)));
    }

    /// <summary>What the array has there; only its first half is filled.</summary>
    public static double NumberAt(int index) => 1.0 / index;

    private static long NodesOf(int depth) => (2L << depth) - 1;
}
