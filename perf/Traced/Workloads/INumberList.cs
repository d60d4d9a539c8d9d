namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A list of numbers that grows at its end, as a collection of the library's.</summary>
internal interface INumberList
{
    /// <summary>Adds so many numbers, counted on from the first.</summary>
    void Append(int first, int count);

    /// <summary>The sum of so many numbers at places that are drawn among the first <paramref name="length"/>.</summary>
    long SumDrawn(int steps, int length, ref Draw draw);

    /// <summary>The sum of so many numbers from a place on, by their places.</summary>
    long SumInOrder(int first, int count);

    /// <summary>The sum of all, by an enumeration.</summary>
    long Sum();
}
