using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Collecting;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>Threads that make blocks mark beside the marker, for a little at a time.</summary>
[Unguarded("guarded blocks have pages of their own")]
public sealed unsafe class MarkAssistsTests
{
    private const int NodesPerPage = 256;

    // As many references as fit in a block that is no span of its own.
    private const int MediumLength = 4000;
    private const int LargeLength = 20_000;

    [Fact]
    public void A_thread_takes_pages_once_the_marker_has_given_some_and_gives_back_what_it_does_not_look_at()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        List<TracedHandle<Node>> kept = MakeRoots(heap, 40);
        ConcurrentCycle.Begin(heap);
        using (heap.Enter())
        {
            Assert.False(heap.Parts.Assists.TryMark(1));
        }

        MarkOne(heap);
        using (heap.Enter())
        {
            Assert.True(heap.Parts.Assists.TryMark(1));
            Assert.True(heap.Parts.Assists.TryMark(1));
        }

        Assert.False(heap.Parts.Assists.AreActive);
        ConcurrentCycle.End(heap);
        Assert.Equal((80L, 0L), TracedCensus.Take(heap));
        Assert.Equal(2, heap.LastCollection!.MarkThreads);
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void What_a_thread_marks_counts()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        List<TracedHandle<Node>> kept = MakeRoots(heap, 40);
        ConcurrentCycle.Begin(heap);
        MarkAsked(heap);
        long left = heap.Parts.Pacer.Pace.Left;
        using (heap.Enter())
        {
            while (heap.Parts.Assists.TryMark(1))
            {
            }
        }

        Assert.InRange(heap.Parts.Pacer.Pace.Left, 0, left - 1);
        ConcurrentCycle.End(heap);
        long live = heap.LastCollection!.BytesAfter;
        heap.CollectAndSweep();
        Assert.Equal(heap.LastCollection.BytesAfter, live);
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void Without_memory_for_the_pages_that_a_thread_finds_all_is_marked_at_the_end()
    {
        const int Pages = 2 * MarkChunk.Capacity;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedArray<TracedArray<Node>>> outer;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(Pages);
            for (int page = 0; page < Pages; page++)
            {
                array.Value[page].Set(scope, MakePair(scope));
            }

            outer = scope.Keep(scope.NewArray<TracedArray<Node>>(1));
            outer.Get(scope).Value[0].Set(scope, array);
        }

        ConcurrentCycle.Begin(heap);
        using (TracedScope scope = heap.Enter())
        {
            outer.Get(scope).Value[0].Set(scope, scope.Null<TracedArray<Node>>());
        }

        heap.Parts.Shading.GivePages();
        List<nint> chunks = TakeAllButOne(heap);
        heap.Core.Os.FailAfter(0);
        using (heap.Enter())
        {
            Assert.True(heap.Parts.Assists.TryMark(1));
        }

        heap.Core.Os.FailAfter(-1);
        chunks.ForEach(chunk => heap.Parts.Team.Queue.Chunks.Give((MarkChunk*)chunk));
        ConcurrentCycle.End(heap);
        Assert.InRange(heap.Parts.Team.Repair.LastWalks, 1, 1000);
        Assert.Equal(((2L * Pages) + 2, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_large_array_is_left_to_the_marker()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 40; i++)
            {
                TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(LargeLength);
                array.Value[LargeLength - 1].Set(scope, scope.New<Node>());
                scope.Keep(array);
            }
        }

        ConcurrentCycle.Begin(heap);
        MarkAsked(heap);
        using (heap.Enter())
        {
            for (int i = 0; i < 10; i++)
            {
                Assert.True(heap.Parts.Team.Queue.HasWork);
                Assert.False(heap.Parts.Assists.TryMark(10));
            }
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((40L, 40L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_heap_that_one_thread_marks_has_no_assistants()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        MarkAssists none = new(heap.Parts.Team.Queue, heap.Parts.Team.Weak, heap.Parts.Pacer, most: 0);
        List<TracedHandle<Node>> kept = MakeRoots(heap, 40);
        ConcurrentCycle.Begin(heap);
        MarkAsked(heap);
        using (heap.Enter())
        {
            Assert.False(none.TryMark(1));
            Assert.True(heap.Parts.Assists.TryMark(1));
        }

        ConcurrentCycle.End(heap);
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void A_thread_that_is_ahead_marks_and_one_for_whose_scope_the_marker_waits_does_not()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap(minimum: 1 << 20);
        List<TracedHandle<Node>> kept = MakeRoots(heap, 60);
        ConcurrentCycle.Begin(heap);
        MarkAsked(heap);
        using (TracedScope scope = heap.Enter())
        {
            while (!heap.Parts.Pacer.IsAheadOfMarker)
            {
                scope.New<Node>();
            }

            // The thread that collects would say so.
            heap.Parts.Marking.EndWaiting();
            TimeSpan before = heap.GetStatistics().AssistTime;
            long left = heap.Parts.Pacer.Pace.Left;
            heap.Parts.Assists.Pay();
            Assert.Equal((before, left), (heap.GetStatistics().AssistTime, heap.Parts.Pacer.Pace.Left));

            // What the marker gave may have been marked while the blocks were made.
            if (!heap.Parts.Team.Queue.HasWork)
            {
                MarkAsked(heap);
            }

            left = heap.Parts.Pacer.Pace.Left;
            heap.Parts.Pacer.Pace.Resume();
            heap.Parts.Assists.Pay();
            Assert.InRange(heap.GetStatistics().AssistTime, before + TimeSpan.FromTicks(1), TimeSpan.MaxValue);
            Assert.InRange(heap.Parts.Pacer.Pace.Left, 0, left - 1);
        }

        ConcurrentCycle.End(heap);
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void Threads_that_mark_with_the_marker_mark_all_exactly_once()
    {
        const int Threads = 4;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1000);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 1000; i++)
            {
                roots.Set(scope, i, MakePair(scope));
            }
        }

        for (int round = 0; round < 20; round++)
        {
            ConcurrentCycle.Begin(heap);
            bool ends = false;
            StressThreads.Run(
                Threads,
                number =>
                {
                    if (number == 0)
                    {
                        while (!heap.Parts.Marking.TryMarkConcurrent(8))
                        {
                        }

                        Volatile.Write(ref ends, true);
                        return;
                    }

                    while (!Volatile.Read(ref ends))
                    {
                        using TracedScope scope = heap.Enter();
                        heap.Parts.Assists.TryMark(3);
                    }
                });
            ConcurrentCycle.End(heap);
            Assert.Equal((2000L, 0L), TracedCensus.Take(heap));
            long live = heap.LastCollection!.BytesAfter;
            heap.CollectAndSweep();
            Assert.Equal(heap.LastCollection.BytesAfter, live);
        }
    }

    // Roots on pages of their own, each with a block after it.
    private static List<TracedHandle<Node>> MakeRoots(TracedHeap heap, int count)
    {
        using TracedScope scope = heap.Enter();
        List<TracedHandle<Node>> kept = [];
        for (int i = 0; i < count; i++)
        {
            kept.Add(scope.Keep(MakePair(scope)));
        }

        return kept;
    }

    // Two blocks, of which the first refers to the second, on pages of their own.
    private static TracedRef<Node> MakePair(in TracedScope scope)
    {
        TracedRef<Node> first = MakeOnPage(scope);
        first.Value.Left.Set(scope, MakeOnPage(scope));
        return first;
    }

    private static TracedRef<Node> MakeOnPage(in TracedScope scope)
    {
        TracedRef<Node> node = scope.New<Node>();
        for (int filler = 1; filler < NodesPerPage; filler++)
        {
            scope.New<Node>();
        }

        return node;
    }

    // The marker looks at a page, after a thread has asked for some.
    private static void MarkAsked(TracedHeap heap)
    {
        Assert.False(heap.Parts.Team.Queue.HasWork);
        MarkOne(heap);
        Assert.True(heap.Parts.Team.Queue.HasWork);
    }

    private static void MarkOne(TracedHeap heap) => Assert.False(heap.Parts.Marking.TryMarkConcurrent(1));

    private static List<nint> TakeAllButOne(TracedHeap heap)
    {
        MarkChunks all = heap.Parts.Team.Queue.Chunks;
        heap.Core.Os.FailAfter(0);
        List<nint> chunks = [];
        MarkChunk* chunk;
        while ((chunk = all.Take()) != null)
        {
            chunks.Add((nint)chunk);
        }

        heap.Core.Os.FailAfter(-1);
        all.Give((MarkChunk*)chunks[^1]);
        chunks.RemoveAt(chunks.Count - 1);
        return chunks;
    }
}
