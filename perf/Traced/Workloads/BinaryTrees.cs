using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>
/// The binary-trees program of the Computer Language Benchmarks Game: a tree to stretch memory, one that lives long, and many that are
/// built, counted and dropped beside it.
/// </summary>
internal sealed class BinaryTrees(string name, int depth) : TracedWorkload(name)
{
    private const int SmallestDepth = 4;
    private const int DepthStep = 2;

    public override TracedWorkload Small => new BinaryTrees(Name, 8);

    public override int? TreeDepth => depth;

    public override void Run(SpanHeapSession session) => RunAll(new SpanHeapTrees(session));

    public override void Run(DotnetSession session) => RunAll(new DotnetTrees());

    public override void Run(BoehmSession session) => RunAll(new BoehmTrees(session));

    private void RunAll<T>(T trees)
        where T : ITreeMaker
    {
        Require("the stretch tree", NodesOf(depth + 1), trees.BuildAndCount(depth + 1));
        trees.BuildLongLived(depth);
        for (int each = SmallestDepth; each <= depth; each += DepthStep)
        {
            long iterations = 1L << (depth - each + SmallestDepth);
            long nodes = 0;
            for (long i = 0; i < iterations; i++)
            {
                nodes += trees.BuildAndCount(each);
            }

            Require($"the sum of {iterations} trees of depth {each}", iterations * NodesOf(each), nodes);
        }

        Require("the long-lived tree", NodesOf(depth), trees.CountLongLived());
    }

    private static long NodesOf(int depth) => (2L << depth) - 1;
}
