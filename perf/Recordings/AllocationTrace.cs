namespace SpanHeap.Perf.Recordings;

/// <summary>What a program asked of its allocator, ready to be replayed.</summary>
/// <param name="Name">The name of the file without its endings.</param>
/// <param name="Operations">All steps; after the recorded ones the frees of what the program left.</param>
/// <param name="RecordedCount">How many steps come from the recording.</param>
/// <param name="SlotCount">The most blocks that are live at once.</param>
/// <param name="UnknownFrees">Frees of blocks that the recording does not know, left out.</param>
/// <param name="ImplicitFrees">Blocks handed out again without a free in between, freed before.</param>
internal sealed record AllocationTrace(
    string Name, Operation[] Operations, int RecordedCount, int SlotCount, int UnknownFrees, int ImplicitFrees)
{
    public ReadOnlySpan<Operation> Recorded => Operations.AsSpan(0, RecordedCount);

    public ReadOnlySpan<Operation> Leftover => Operations.AsSpan(RecordedCount);
}
