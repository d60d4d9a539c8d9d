using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The nodes of <see cref="GraphRewiring"/> in an array: each has a serial number, in the order in which they were made, and edges.</summary>
internal interface IGraph
{
    void AddNodes(int first, int count);

    /// <summary>Gives the given number of nodes their edges, chosen at random one after the other.</summary>
    void AddEdges(int first, int count, ref SplitMix random);

    /// <summary>
    /// Chooses for each step at random: whether to replace, which node, and where each edge of the new node leads; else which edge of it, and where to.
    /// A node that was replaced loses its edges, so that it dies with the last edge that leads to it.
    /// </summary>
    void Change(int steps, ref SplitMix random);

    /// <summary>The sum of the serial numbers of the nodes that the edges of all nodes in the array lead to.</summary>
    long Sum();
}
