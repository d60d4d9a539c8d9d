namespace SpanHeap;

/// <summary>Guarded blocks that live and were allocated at one place.</summary>
/// <param name="Blocks">How many.</param>
/// <param name="Bytes">Bytes that were asked for, together.</param>
/// <param name="AllocationStack">The stack that allocated them; null when stacks were not kept.</param>
public readonly record struct LiveBlockGroup(long Blocks, long Bytes, string? AllocationStack);
