namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The nodes of <see cref="GcBench"/>: two references and two integers each.</summary>
internal interface IGcBench
{
    /// <summary>Builds a tree, parents first, and drops it.</summary>
    void BuildDown(int depth);

    /// <summary>Builds a tree, children first, and drops it.</summary>
    void BuildUp(int depth);

    /// <summary>Builds a tree, parents first, that is kept.</summary>
    void KeepTree(int depth);

    /// <summary>Makes an array of the given number of numbers that is kept, and fills half of it.</summary>
    void KeepNumbers(int length);

    long CountKeptTree();

    double NumberAt(int index);
}
