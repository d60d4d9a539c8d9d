using SpanHeap.Spans;
using SpanHeap.Traced;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Makes blocks that die, and tells what became of them.</summary>
internal static unsafe class DeadSpans
{
    /// <summary>Addresses of nodes that have died, each beside one that lives if so wanted.</summary>
    public static HashSet<nint> MakeDead(TracedHeap heap, int count, bool withLive, bool verified = true)
    {
        HashSet<nint> dead = [];
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < count; i++)
            {
                dead.Add(scope.New<Node>().Address);
                if (withLive && i % 200 == 0)
                {
                    scope.Keep(scope.New<Node>());
                }
            }
        }

        if (verified)
        {
            heap.CollectAndSweep();
        }
        else
        {
            heap.Collect();
            heap.FinishSweeping();
        }

        return dead;
    }

    public static TracedSpan* TracedSpanOf(nint block) => (TracedSpan*)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block));

    public static bool IsCollectable(nint block) => SpanClasses.Info(TracedSpanOf(block)->SpanClass)->Form == TracedForm.Collectable;

    public static bool IsTraced(nint block) => PageEntry.IsTraced(*ArenaHeader.EntryOf(block));

    public static nint PageOf(nint block) => block & -8192;

    public static void AssertDead(nint address, Action use)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(use);
        Assert.Equal(address, error.Address);
        Assert.Contains("has died", error.Message, StringComparison.Ordinal);
    }
}
