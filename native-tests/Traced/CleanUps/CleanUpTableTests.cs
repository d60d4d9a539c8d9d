using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.CleanUps;

/// <summary>What a burst of clean-ups took goes when they are cancelled, though their blocks live.</summary>
public sealed class CleanUpTableTests
{
    [Fact]
    public void Clean_ups_that_were_cancelled_go_with_the_next_collection()
    {
        const int Burst = 20_000;
        using TracedHeap heap = TracedHeaps.Still();
        TracedCleanUp[] cleanUps = new TracedCleanUp[Burst];
        TracedHandle<Node> kept;
        int ran = 0;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            kept = scope.Keep(node);
            for (int i = 0; i < Burst; i++)
            {
                cleanUps[i] = scope.OnDead(node, _ => Interlocked.Increment(ref ran), i);
            }
        }

        foreach (TracedCleanUp cleanUp in cleanUps[10..])
        {
            cleanUp.Dispose();
        }

        heap.Collect();
        Assert.Equal(10, heap.Parts.CleanUps.Count);
        heap.Verify();
        kept.Dispose();
        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal((10, 0), (ran, heap.Parts.CleanUps.Count));
    }
}
