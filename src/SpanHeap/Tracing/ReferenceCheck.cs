namespace SpanHeap.Tracing;

/// <summary>
/// Looks whether all roots, weak handles and clean-ups, and all live blocks, refer to live blocks only. A reference to one that has died (a zombie, as marking it
/// would call it back) is so found together with who has it, and before a marker follows it into bytes that are no block.
/// </summary>
/// <remarks>No thread is in a scope, or nobody uses the heap; nobody sweeps.</remarks>
internal static unsafe class ReferenceCheck
{
    /// <exception cref="HeapCorruptionException">A reference leads to no live block; the message says which.</exception>
    public static void Run(TracedHeap heap)
    {
        LiveBlocks live = new(heap);
        Action<string, nint> require = (holder, pointer) => Require(live, pointer, holder);
        heap.Roots.Show(require);
        heap.WeakHandles.Show(require);
        heap.CleanUps.Show(require);
        PointerVisitor check = (block, offset, pointer) => RequireOfBlock(live, block, offset, pointer);
        TracedBitWalk blocks = new(heap.Core, live.Plane);
        while (blocks.MoveNext())
        {
            if (!live.IsUnused(blocks.Current))
            {
                PointerSlots.Visit(blocks.Current, blocks.Span, live, check);
            }
        }
    }

    private static void Require(LiveBlocks live, nint pointer, string root)
    {
        if (!live.TryFind(pointer, out _))
        {
            throw ReferenceFault.Of(root, pointer, live);
        }
    }

    private static void RequireOfBlock(LiveBlocks live, nint block, long offset, nint pointer)
    {
        if (pointer != 0 && !live.TryFind(pointer, out _))
        {
            throw ReferenceFault.Of($"{ReferenceFault.NameOf(block)} {ReferenceFault.NameOf(offset)}", pointer, live);
        }
    }
}
