namespace SpanHeap.Traced.Checks;

/// <summary>A part of a heap that is found by the address of one of the heap's blocks.</summary>
internal interface IOfHeap
{
    /// <summary>The serial number of the heap.</summary>
    ulong Serial { get; }
}
