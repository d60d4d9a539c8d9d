using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Diagnostics;

/// <summary>
/// A traced heap with some of everything: a list of nodes, an array, a large block, spans in lists and in a cache, and a reference to a
/// block that is gone.
/// </summary>
internal sealed unsafe class SoundTracedHeap : IDisposable
{
    public SoundTracedHeap(HeapChecks checks = HeapChecks.Standard)
    {
        Heap = TracedHeaps.Still(checks);
        using (TracedScope scope = Heap.Enter())
        {
            scoped TracedRef<Node> list = default;
            for (int i = 0; i < 2000; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                node.Value.Left.Set(scope, list);
                list = i % 2 == 0 ? node : list;
                Dead = i == 1001 ? node.Address : Dead;
            }

            List = list.Address;
            scope.Keep(list);
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(100);
            array.Value[7].Set(scope, list);
            Array = array.Address;
            scope.Keep(array);
            Large = scope.NewArray<Node>(100_000).Address;
            scope.Keep(new TracedRef<TracedArray<Node>>(Large));
        }

        Heap.CollectAndSweep();
        using (TracedScope scope = Heap.Enter())
        {
            TracedRef<Leaf> leaf = scope.New<Leaf>();
            Leaf = leaf.Address;
            scope.Keep(leaf);
        }
    }

    public TracedHeap Heap { get; }

    /// <summary>The first node of a list, every other slot of whose spans is free.</summary>
    public nint List { get; }

    /// <summary>An array of 100 references.</summary>
    public nint Array { get; }

    /// <summary>An array of 100,000 references.</summary>
    public nint Large { get; }

    /// <summary>A block whose span a cache has.</summary>
    public nint Leaf { get; }

    /// <summary>A slot of a node that has died and was swept.</summary>
    public nint Dead { get; }

    public uint Generation => Heap.Parts.Sweeper.Generation;

    public uint Bitmap => SweepGeneration.AllocBitmap(Generation);

    /// <summary>A page of the heap with nothing in it.</summary>
    public nint FreePage => (List & -PageGeometry.ArenaSize) + PageGeometry.ArenaSize - PageGeometry.PageSize;

    /// <summary>The cursor that made <see cref="Leaf"/>.</summary>
    public AllocCursor* LeafCursor => TracedCache.Cursor(Heap.Parts.Caches.Last, SpanOf(Leaf)->SpanClass);

    public static TracedSpan* SpanOf(nint block) => (TracedSpan*)ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block));

    public static void Flip(nint address, uint bitmap) => *TracedBits.WordOf(address, bitmap) ^= TracedBits.BitOf(address);

    public void Dispose()
    {
        // A test that failed while it had paused the sweeper must not wait for itself here.
        Heap.Parts.Collector.Background.Resume();
        Heap.Dispose();
    }
}
