using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tests.Support;
using SpanHeap.Tracing;

namespace SpanHeap.Tests.Tracing;

/// <summary>Finding the block that any address lies in takes no lock of the process for each address.</summary>
public sealed class InteriorAddressTests
{
    [Fact]
    [Unguarded("a guarded block lies in pages of its own")]
    public void A_marker_asks_for_each_arena_once()
    {
        const int Blocks = 10_000;
        using NativeHeap heap = TracedHeaps.Still();
        using NativeHeap other = TracedHeaps.Still();
        nint[] addresses = new nint[Blocks];
        nint foreign;
        using (GcScope scope = heap.Enter())
        {
            for (int i = 0; i < Blocks; i++)
            {
                addresses[i] = scope.NewBytes(TracedLayout.NoPointers, 256).Address + (i % 256);
            }
        }

        using (GcScope scope = other.Enter())
        {
            foreign = scope.NewBytes(TracedLayout.NoPointers, 256).Address;
        }

        using MarkQueue queue = new(heap.Core.Os, heap.Core.Metadata);
        queue.Begin(1);
        uint plane = SweepGeneration.MarkPlane(heap.Traced.Sweeper.Generation);
        Marker marker = new(queue, plane, shared: false);
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
        Assert.False(TracedBits.IsSet(foreign, plane));
        marker.Release();
        TracedWalk walk = new(heap.Core);
        while (walk.MoveNext())
        {
            Clear(walk, plane);
        }

        heap.CollectAndSweep();
    }

    private static unsafe void Clear(TracedWalk walk, uint plane) => TracedSlots.Clear(walk.Current, plane);
}
