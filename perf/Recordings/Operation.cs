namespace SpanHeap.Perf.Recordings;

/// <summary>One step of a trace in 8 bytes: fill a slot with a new block, or free the block of a slot.</summary>
internal readonly struct Operation
{
    private const int SlotShift = 1;
    private const uint FreeFlag = 1;

    private readonly uint _slotAndKind;

    private Operation(int slot, uint kind, uint size)
    {
        _slotAndKind = ((uint)slot << SlotShift) | kind;
        Size = size;
    }

    /// <summary>The size asked for, also known when the block is freed.</summary>
    public uint Size { get; }

    public bool IsAlloc => (_slotAndKind & FreeFlag) == 0;

    public uint Slot => _slotAndKind >> SlotShift;

    public static Operation Alloc(int slot, uint size) => new(slot, 0, size);

    public static Operation Free(int slot, uint size) => new(slot, FreeFlag, size);
}
