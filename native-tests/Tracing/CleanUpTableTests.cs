using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tracing;

/// <summary>What a burst of clean-ups took goes when they are cancelled, though their blocks live.</summary>
public sealed class CleanUpTableTests
{
    [Fact]
    public void Clean_ups_that_were_cancelled_go_with_the_next_collection()
    {
        const int Burst = 20_000;
        using NativeHeap heap = TracedHeaps.Still();
        GcCleanUp[] cleanUps = new GcCleanUp[Burst];
        GcHandle<Node> kept;
        int ran = 0;
        using (GcScope scope = heap.Enter())
        {
            GcRef<Node> node = scope.New<Node>();
            kept = scope.Keep(node);
            for (int i = 0; i < Burst; i++)
            {
                cleanUps[i] = scope.OnDead(node, _ => Interlocked.Increment(ref ran), i);
            }
        }

        foreach (GcCleanUp cleanUp in cleanUps[10..])
        {
            cleanUp.Dispose();
        }

        heap.Collect();
        Assert.Equal(10, heap.Traced.CleanUps.Count);
        heap.Verify();
        kept.Dispose();
        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal((10, 0), (ran, heap.Traced.CleanUps.Count));
    }
}
