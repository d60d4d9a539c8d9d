namespace SpanHeap.Traced;

/// <summary>Says why traced memory was collected.</summary>
public enum CollectionReason
{
    /// <summary>The heap had grown as much as the options allow.</summary>
    Growth,

    /// <summary>A memory limit was near, or reached.</summary>
    MemoryLimit,

    /// <summary>The program called <see cref="TracedHeap.Collect"/>.</summary>
    Induced,

    /// <summary>The program completed a <see cref="SpanHeap.Traced.MarkSession"/>.</summary>
    MarkSession,

    /// <summary>No thread had used the heap for as long as <see cref="TracedHeapOptions.IdleDelay"/>.</summary>
    Idle,
}
