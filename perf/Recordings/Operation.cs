namespace SpanHeap.Perf.Recordings;

/// <summary>One step of a trace in 8 bytes: fill a slot with a new block, or free the block of a slot.</summary>
internal readonly struct Operation
{
    private readonly int _slot;

    private Operation(int slot, uint size)
    {
        _slot = slot;
        Size = size;
    }

    /// <summary>The size asked for, also known when the block is freed.</summary>
    public uint Size { get; }

    public bool IsAlloc => _slot >= 0;

    // A free carries the complement of its slot.
    public int Slot => _slot ^ (_slot >> 31);

    public static Operation Alloc(int slot, uint size) => new(slot, size);

    public static Operation Free(int slot, uint size) => new(~slot, size);
}
