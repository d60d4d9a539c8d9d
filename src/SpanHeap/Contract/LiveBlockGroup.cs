namespace SpanHeap;

/// <summary>Describes the live guarded blocks that were allocated by the same call stack.</summary>
/// <param name="Blocks">The number of blocks in the group.</param>
/// <param name="Bytes">The number of bytes that were requested for all blocks of the group together.</param>
/// <param name="AllocationStack">The stack that allocated the blocks; null when stacks were not kept.</param>
public readonly record struct LiveBlockGroup(long Blocks, long Bytes, string? AllocationStack);
