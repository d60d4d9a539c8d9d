namespace SpanHeap.Perf.Allocators;

/// <summary>Work that is generic over the allocator; ends with the exit code of the process.</summary>
internal interface IAllocatorVisitor
{
    int Visit<T>() where T : struct, IAllocator<T>, allows ref struct;

    /// <summary>The same for managed arrays; most work cannot be stated for them.</summary>
    int VisitArrays<T>() where T : struct, IArraySource => throw new NotSupportedException("Managed arrays cannot do this.");
}
