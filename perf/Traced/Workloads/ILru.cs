namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The entries of <see cref="LruCache"/>.</summary>
internal interface ILru
{
    /// <summary>Draws so many keys and looks for each; what is found moves to the front, what is not pushes the last out.</summary>
    /// <returns>How many were found.</returns>
    long LookUp(int steps, int keys, ref Draw draw);

    /// <summary>How many entries in the list have the value that was put in for their key.</summary>
    long CountGood();
}
