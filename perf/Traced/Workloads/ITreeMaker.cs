namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Trees of nodes with two references and nothing else, built from the bottom up.</summary>
internal interface ITreeMaker
{
    /// <summary>Builds a tree, counts its nodes and drops it.</summary>
    long BuildAndCount(int depth);

    /// <summary>Builds a tree that is kept.</summary>
    void BuildLongLived(int depth);

    /// <summary>Counts the nodes of the tree that was kept.</summary>
    long CountLongLived();
}
