namespace SpanHeap.Traced.Checks;

/// <summary>What a store of a reference has to do besides storing it.</summary>
internal enum StoreAttention : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Set a card.</summary>
    Card,

    /// <summary>Call the heap's <see cref="StoreBarrier"/> first, which also sets the card if the heap has cards.</summary>
    Barrier,
}
