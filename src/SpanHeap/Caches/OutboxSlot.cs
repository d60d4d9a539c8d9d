namespace SpanHeap.Caches;

/// <summary>Blocks of mixed classes on their way to one other cache.</summary>
internal unsafe struct OutboxSlot
{
    /// <summary>The owner tag of the destination.</summary>
    public uint OwnerTag;

    /// <summary>The number of bytes that may still be gathered before the magazine is sent.</summary>
    public int BytesLeft;

    /// <summary>The gathered blocks; null when the slot is not in use.</summary>
    public Magazine* Magazine;
}
