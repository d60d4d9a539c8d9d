namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A singly linked list of nodes with a number each.</summary>
internal interface IListMaker
{
    /// <summary>Puts the given number of nodes in front, numbered on from <paramref name="first"/>.</summary>
    void Prepend(int first, int count);

    /// <summary>Has everything collected that is not kept, and waits for it.</summary>
    void Collect();

    /// <summary>The sum of all numbers.</summary>
    long Sum();
}
