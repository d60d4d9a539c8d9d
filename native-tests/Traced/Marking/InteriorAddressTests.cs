using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>Finding the block that any address lies in takes no lock of the process for each address.</summary>
public sealed class InteriorAddressTests
{
    [Fact]
    [Unguarded("a guarded block lies in pages of its own")]
    public void A_marker_asks_for_each_arena_once()
    {
        const int Blocks = 10_000;
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHeap other = TracedHeaps.Still();
        nint[] addresses = new nint[Blocks];
        nint foreign;
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Blocks; i++)
            {
                addresses[i] = scope.NewBytes(TracedLayout.NoPointers, 256).Address + (i % 256);
            }
        }

        using (TracedScope scope = other.Enter())
        {
            foreign = scope.NewBytes(TracedLayout.NoPointers, 256).Address;
        }

        using MarkQueue queue = new(heap.Core.Os, heap.Core.Metadata);
        queue.Begin(1);
        uint bitmap = SweepGeneration.MarkBitmap(heap.Parts.Sweeper.Generation);
        Marker marker = new(queue, heap.Parts.Team.Weak, bitmap, shared: false);
        foreach (nint address in addresses)
        {
            marker.VisitInterior(address, heap.Core.Serial);
            marker.VisitInterior(1, heap.Core.Serial);
            marker.VisitInterior(-1, heap.Core.Serial);
        }

        Assert.Equal(1, marker.ArenasAsked);
        marker.VisitInterior(foreign, heap.Core.Serial);
        Assert.Equal(2, marker.ArenasAsked);
        marker.Drain();
        Assert.Equal(Blocks * 256L, marker.BytesMarked);
        Assert.False(TracedBits.IsSet(foreign, bitmap));
        marker.Release();
        TracedWalk walk = new(heap.Core.Pages);
        while (walk.MoveNext())
        {
            Clear(walk, bitmap);
        }

        heap.CollectAndSweep();
    }

    private static unsafe void Clear(TracedWalk walk, uint bitmap) => TracedSlots.Clear(walk.Current, bitmap);
}
