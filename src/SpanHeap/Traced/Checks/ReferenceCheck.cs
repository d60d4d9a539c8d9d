using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// Checks that all roots, weak handles, clean-ups and live blocks refer only to live blocks. So a reference to a dead block (a zombie, because
/// marking would revive it) is found together with its holder, before a marker follows it into bytes that are not a block.
/// </summary>
/// <remarks>No thread is in a scope, or none uses the heap; no thread sweeps.</remarks>
internal static unsafe class ReferenceCheck
{
    /// <exception cref="HeapCorruptionException">A reference does not lead to a live block; the message says which.</exception>
    public static void Run(TracedRecords records)
    {
        LiveBlocks live = new(records);
        Action<string, nint> require = (holder, pointer) => Require(live, pointer, holder);
        records.Roots.Show(require);
        records.WeakHandles.Show(require);
        records.CleanUps.Show(require);
        PointerVisitor check = (block, offset, pointer) => RequireOfBlock(live, block, offset, pointer);
        TracedBitWalk blocks = new(records.Pages, live.Bitmap);
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
