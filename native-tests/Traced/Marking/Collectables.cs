using SpanHeap.Spans;
using SpanHeap.Traced;
using SpanHeap.Traced.Checks;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>Makes and marks collectable blocks, and counts all blocks that are left.</summary>
internal static class Collectables
{
    public static nint[] Make(TracedHeap heap, int count, long bytes)
    {
        using TracedScope scope = heap.Enter();
        nint[] blocks = new nint[count];
        for (int i = 0; i < count; i++)
        {
            blocks[i] = scope.NewCollectable(bytes).Address;
        }

        return blocks;
    }

    /// <summary>A block of another form, which nothing keeps.</summary>
    public static nint MakeNode(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        return scope.New<Node>().Address;
    }

    /// <summary>Lets all others die.</summary>
    public static void Mark(TracedHeap heap, IEnumerable<nint> blocks)
    {
        using MarkSession marking = heap.BeginMark();
        foreach (nint block in blocks)
        {
            marking.Mark(block);
        }

        marking.Complete();
    }

    /// <summary>Sweeps all: so many blocks are left.</summary>
    public static unsafe void AssertLeft(TracedHeap heap, long small, long large)
    {
        heap.FinishSweeping();
        heap.Verify();
        (long Small, long Large) left = (0, 0);
        LiveBlocks live = new(heap.Parts.Records);
        TracedBitWalk blocks = new(heap.Core.Pages, live.Bitmap);
        while (blocks.MoveNext())
        {
            bool isLarge = blocks.Span->Span.SizeClass == SizeClasses.None;
            left.Large += isLarge ? 1 : 0;
            left.Small += isLarge || live.IsUnused(blocks.Current) ? 0 : 1;
        }

        Assert.Equal((small, large), left);
    }
}
