namespace SpanHeap;

/// <summary>Why traced memory was collected.</summary>
public enum CollectionReason
{
    /// <summary>It had grown as much as the options allow.</summary>
    Growth,

    /// <summary>A memory limit was near, or reached.</summary>
    MemoryLimit,

    /// <summary>By <see cref="NativeHeap.Collect"/>.</summary>
    Asked,

    /// <summary>By a <see cref="MarkSession"/>.</summary>
    Led,

    /// <summary>Nobody had used it for as long as <see cref="NativeHeapOptions.TracedIdleDelay"/>.</summary>
    Idle,
}
