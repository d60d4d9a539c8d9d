namespace SpanHeap.Tracing;

/// <summary>What a strong handle names.</summary>
/// <remarks>Taken and freed under the table's lock; <see cref="Block"/> is also written by whoever has the handle, in a scope.</remarks>
internal unsafe struct RootSlot
{
    /// <summary>The block; 0 for none.</summary>
    public nint Block;

    /// <summary>The next free slot, while this is one.</summary>
    public RootSlot* NextFree;

    /// <summary>Counts how often the slot was freed: a handle of an earlier time is known by it.</summary>
    public uint Generation;

    /// <summary>1 while a handle has it.</summary>
    public uint IsUsed;
}

/// <summary>A root array's header; its slots follow in memory.</summary>
internal unsafe struct RootArrayMemory
{
    public RootArrayMemory* Next;
    public RootArrayMemory* Previous;
    public long Length;
    public long Reserved;

    public static nint* Slots(RootArrayMemory* array) => (nint*)(array + 1);
}
