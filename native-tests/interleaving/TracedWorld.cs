using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;
using SpanHeap.Tests.Tracing;
using SpanHeap.Tracing;

namespace SpanHeap.Tests.Interleaving;

/// <summary>A traced heap for one schedule, and what must be so of it at each point.</summary>
internal sealed unsafe class TracedWorld(HeapChecks checks = HeapChecks.Standard) : IDisposable
{
    // Scenarios use the first pages only, and are looked at after each step.
    private const int PagesLookedAt = 256;

    private uint _doneIn;

    public NativeHeap Heap { get; } = TracedHeaps.Still(checks);

    public TracedHeap Traced => Heap.Traced;

    public Sweeper Sweeper => Heap.Traced.Sweeper;

    /// <summary>The first traced span's first page.</summary>
    public nint FirstTraced
    {
        get
        {
            TracedWalk walk = new(Heap.Core);
            Assert.True(walk.MoveNext());
            return walk.Current->Span.Base;
        }
    }

    /// <summary>Makes blocks in a scope of the calling thread, each of a list; keeps the first so many.</summary>
    public GcHandle<TracedArray<Node>>[] MakeArrays(int count, int length, int kept)
    {
        GcHandle<TracedArray<Node>>[] handles = new GcHandle<TracedArray<Node>>[kept];
        using GcScope scope = Heap.Enter();
        for (int i = 0; i < count; i++)
        {
            GcRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
            if (i < kept)
            {
                handles[i] = scope.Keep(array);
            }
        }

        return handles;
    }

    /// <summary>
    /// Marks and lets the generation grow, as a collection does, and wakes nobody: all that died is left to be swept. Nobody else uses
    /// the heap.
    /// </summary>
    /// <param name="keepCaches">Whether caches keep what they have, and are stale; else they give it back before.</param>
    public void Mark(bool keepCaches = false)
    {
        Traced.Caches.ForEach(&FlushStale, Traced);
        Sweeper.Finish();
        if (!keepCaches)
        {
            Traced.Caches.ForEach(&Flush, Traced);
        }

        using MarkTeam team = new(Heap.Core.Os, maxThreads: 1);
        long marked = team.Mark(Traced, SweepGeneration.MarkPlane(Sweeper.Generation));
        Sweeper.Advance(keepCaches ? Traced.Caches.CountUsed() : 0);
        if (!keepCaches)
        {
            Traced.Caches.ForEach(&Renew, Traced);
        }

        Traced.Pacer.BeginCycle(marked);
    }

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

        Assert.InRange(Traced.Spans.PagesInUse, 0, Heap.Core.Pages.PagesInUse);
        Assert.InRange(Traced.Spans.Count, 0, Traced.Spans.PagesInUse);
    }

    /// <summary>Collects and sweeps all: so many blocks are left, and every bit and sum is right.</summary>
    public void AssertLeft(long small, long large)
    {
        Heap.CollectAndSweep();
        Assert.Equal((small, large), TracedCensus.Take(Heap));
    }

    public void Dispose() => Heap.Dispose();

    private static void FlushStale(TracedHeap heap, TracedCache* cache)
    {
        if (cache->Generation != heap.Sweeper.Generation)
        {
            heap.Flush(cache);
        }
    }

    private static void Flush(TracedHeap heap, TracedCache* cache) => heap.Flush(cache);

    private static void Renew(TracedHeap heap, TracedCache* cache) => cache->Generation = heap.Sweeper.Generation;

    private void CheckSpan(TracedSpan* span, uint generation, bool done)
    {
        uint state = span->SweepGen;
        Assert.Equal(SpanState.Traced, span->Span.State);
        bool swept = state == generation || state == SweepGeneration.Cached(generation);
        bool waits = state == SweepGeneration.Unswept(generation) || state == SweepGeneration.BeingSwept(generation) || state == SweepGeneration.StaleCached(generation);
        Assert.True(swept || waits, $"A span's generation is {state}, the heap's {generation}.");
        Assert.True(swept || !done, $"All is swept, but a span's generation is {state}, the heap's {generation}.");
        if (swept && !Traced.Gate.IsClosed)
        {
            Assert.Equal(0, TracedSlots.Count(span, SweepGeneration.MarkPlane(generation)));
            Assert.Equal(TracedSlots.Count(span, SweepGeneration.AllocPlane(generation)), span->Allocated);
        }
    }
}
