using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Traced;
using SpanHeap.Tests.Traced.Sweeping;
using SpanHeap.Traced;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Interleaving;

/// <summary>A traced heap for one schedule, and what must be so of it at each point.</summary>
internal sealed unsafe class TracedWorld(HeapChecks checks = HeapChecks.Standard, bool concurrent = false, bool freeing = false) : IDisposable
{
    // Scenarios use the first pages only, and are looked at after each step.
    private const int PagesLookedAt = 256;

    // Arrays of so many references: a span has few of them, and a large block is a span.
    private const int MediumLength = 4000;
    private const int LargeLength = 10_000;

    private uint _doneIn;

    // Span classes belong to the process, and a thread that sweeps visits all of them: they get their numbers in the same order whichever test comes first.
    static TracedWorld()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        scope.New<Node>();
        scope.NewArray<Node>(MediumLength);
        scope.NewArray<Node>(LargeLength);
    }

    public TracedHeap Heap { get; } = TracedHeaps.Still(checks, concurrent, freeing);

    public TracedParts Parts => Heap.Parts;

    public Sweeper Sweeper => Heap.Parts.Sweeper;

    /// <summary>The first traced span's first page.</summary>
    public nint FirstTraced
    {
        get
        {
            TracedWalk walk = new(Heap.Core.Pages);
            Assert.True(walk.MoveNext());
            return walk.Current->Span.Base;
        }
    }

    /// <summary>Makes blocks in a scope of the calling thread, and keeps the first so many.</summary>
    public void MakeNodes(int count, int kept)
    {
        using TracedScope scope = Heap.Enter();
        for (int i = 0; i < count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            Assert.True(node.Value.Left.IsNull && node.Value.Right.IsNull && node.Value.Value == 0);
            node.Value.Value = i + 1;
            node.Value.Left.Set(scope, node);
            if (i < kept)
            {
                scope.Keep(node);
            }
        }
    }

    /// <summary>The same with blocks of which a span has few.</summary>
    public void MakeMedium(int count, int kept) => MakeArrays(MediumLength, count, kept);

    /// <summary>The same with blocks that are a span each.</summary>
    public void MakeLarge(int count, int kept) => MakeArrays(LargeLength, count, kept);

    /// <summary>Makes and frees by hand so many blocks that are spans of their own, of the sizes that traced ones have too.</summary>
    public void MakeManual(int count)
    {
        nint[] blocks = new nint[count];
        for (int i = 0; i < count; i++)
        {
            blocks[i] = (nint)Heap.Native.Alloc((nuint)(LargeLength * sizeof(nint) * (i + 1)));
            *(long*)blocks[i] = i;
            InterleavingPoints.At(InterleavingPoint.SpanPagesTaken);
        }

        for (int i = 0; i < count; i++)
        {
            Assert.Equal(i, *(long*)blocks[i]);
            Heap.Native.Free((void*)blocks[i]);
            InterleavingPoints.At(InterleavingPoint.SpanReleased);
        }
    }

    /// <inheritdoc cref="QuietCycle.Mark"/>
    public void Mark(bool keepCaches = false, int others = 0) => QuietCycle.Mark(Parts, keepCaches, others);

    /// <summary>What must hold of every span at every point, whatever threads are about.</summary>
    public void CheckSpans()
    {
        uint generation = Sweeper.Generation;
        bool done = Sweeper.IsDone;
        Assert.True(_doneIn != generation || done, "Sweeping was done, and is not any more.");
        _doneIn = done ? generation : _doneIn;
        if (Heap.Core.Pages.TryGetArena(0, out nint arena))
        {
            int first = Heap.Core.Pages.Geometry.HeaderPages;
            for (int page = first; page < first + PagesLookedAt; page++)
            {
                nint address = arena + ((nint)page << PageGeometry.PageShift);
                if (PageEntry.IsTraced(Volatile.Read(ref *ArenaHeader.EntryOf(address))))
                {
                    TracedSpan* span = (TracedSpan*)ArenaHeader.SpanAt(address);
                    Assert.Equal(address, span->Span.Base);
                    CheckSpan(span, generation, done);
                    page += span->Span.Pages - 1;
                }
            }
        }

        Assert.InRange(Parts.Spans.PagesInUse, 0, Heap.Core.Pages.PagesInUse);
        Assert.InRange(Parts.Spans.Count, 0, Parts.Spans.PagesInUse);
    }

    /// <summary>Collects and sweeps all: so many blocks are left, and every bit and sum is right.</summary>
    public void AssertLeft(long small, long large)
    {
        Heap.CollectAndSweep();
        Assert.Equal((small, large), TracedCensus.Take(Heap));
    }

    public void Dispose() => Heap.Dispose();

    private void MakeArrays(int length, int count, int kept)
    {
        using TracedScope scope = Heap.Enter();
        for (int i = 0; i < count; i++)
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
            Assert.True(array.Value[0].IsNull && array.Value[length - 1].IsNull);
            array.Value[0].Set(scope, new TracedRef<Node>(array.Address));
            if (i < kept)
            {
                scope.Keep(array);
            }
        }
    }

    private void CheckSpan(TracedSpan* span, uint generation, bool done)
    {
        uint state = span->SweepGen;
        Assert.Equal(SpanState.Traced, span->Span.State);
        bool swept = state == generation || state == SweepGeneration.Cached(generation);
        bool waits = state == SweepGeneration.Unswept(generation) || state == SweepGeneration.BeingSwept(generation) || state == SweepGeneration.StaleCached(generation);
        if (span->KeptNumber != 0 && span->Allocated == 0)
        {
            // No cycle has to do with it.
            Assert.Equal(0, TracedSlots.Count(span, 0) + TracedSlots.Count(span, 1));
            return;
        }

        Assert.True(swept || waits, $"A span's generation is {state}, the heap's {generation}.");
        Assert.True(swept || !done, $"All is swept, but a span's generation is {state}, the heap's {generation}.");
        if (swept && !Parts.Gate.IsClosed)
        {
            Assert.InRange(TracedSlots.Count(span, SweepGeneration.MarkBitmap(generation)), 0, Parts.HasMinors || Parts.Shading.IsOn || Parts.WeakHandles.IsJudged ? span->Allocated : 0);
            Assert.Equal(TracedSlots.Count(span, SweepGeneration.AllocBitmap(generation)), span->Allocated);
        }
    }
}
