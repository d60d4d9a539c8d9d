namespace SpanHeap.Spans;

/// <summary>A block too large, or too widely aligned, for an arena.</summary>
internal unsafe struct HugeBlock
{
    /// <summary>Its first byte.</summary>
    public nint Address;

    /// <summary>Bytes from there that its user may use.</summary>
    public nuint Size;

    /// <summary>What the platform gave: the address itself unless an alignment was asked for.</summary>
    public void* Platform;

    /// <summary>How much it gave.</summary>
    public nuint PlatformBytes;

    /// <summary>The heap it belongs to.</summary>
    public ulong HeapSerial;

    /// <summary>
    /// Zero; or the heap's span of a guarded block, and the addresses here are those of the span: guard, slack and all. Such a one is to be
    /// taken for what its heap says of it under the heap's guard lock.
    /// </summary>
    public nint Guarded;

    /// <summary>Whether the block is free, and its heap keeps it mapped for the next request: <see cref="HugeBlockCache"/> has it.</summary>
    public bool IsKept;
}
