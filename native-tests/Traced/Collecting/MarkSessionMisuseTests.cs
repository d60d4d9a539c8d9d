using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Marking;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>What a session refuses, and what one that fails leaves.</summary>
public sealed class MarkSessionMisuseTests
{
    private const int Limit = 16 << 20;

    private static readonly unsafe TracedLayout s_layout = TracedLayout.Custom(&Refuse);

    private static bool s_refuses;

    [Fact]
    [Unguarded("it touches what has died, which faults")]
    public void Bad_addresses_are_refused_and_marking_goes_on()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHeap other = TracedHeaps.Still();
        nint[] blocks = Collectables.Make(heap, 2, 48);
        nint foreign = Collectables.Make(other, 1, 48)[0];
        AssertRefused(foreign, "not in its traced memory");
        AssertRefused(1234, "not in its traced memory");
        AssertRefused(blocks[0] + 16, "not the start of a block");
        AssertRefused(blocks[1], "where no block is allocated");
        unsafe
        {
            void* manual = heap.Native.Alloc(64);
            AssertRefused((nint)manual, "not in its traced memory");
            heap.Native.Free(manual);
        }

        AssertRefused(Collectables.MakeNode(heap), "as long as something refers to it");
        Collectables.AssertLeft(heap, 1, 0);

        // The second block dies in the first session.
        void AssertRefused(nint address, string why)
        {
            using MarkSession marking = heap.BeginMark();
            string? message = null;
            try
            {
                marking.Mark(address);
            }
            catch (HeapCorruptionException error)
            {
                message = error.Message;
            }

            Assert.Contains(why, message, StringComparison.Ordinal);
            marking.Mark(blocks[0]);
            marking.Complete();
        }
    }

    [Fact]
    public void The_thread_of_a_session_is_refused_what_would_wait_for_itself()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (MarkSession marking = heap.BeginMark())
        {
            foreach (Action act in (Action[])[() => heap.Enter(), heap.Collect, heap.FinishSweeping, () => heap.BeginMark(), heap.RunCleanUps, heap.Verify, heap.Dispose])
            {
                Assert.Contains(nameof(MarkSession), Assert.Throws<InvalidOperationException>(act).Message, StringComparison.Ordinal);
            }

            marking.Complete();
        }

        using (TracedScope scope = heap.Enter())
        {
            Assert.Throws<InvalidOperationException>(() => heap.BeginMark());
        }

        heap.CollectAndSweep();
    }

    [Fact]
    public void A_session_that_is_over_can_only_be_disposed()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint block = Collectables.Make(heap, 1, 48)[0];
        MarkSession marking = heap.BeginMark();
        MarkSession copy = marking;
        copy.Complete();
        AssertOver(marking);
        marking.Dispose();
        copy.Dispose();
        using MarkSession next = heap.BeginMark();
        marking.Dispose();
        AssertOver(marking);
        AssertOver(default);
        default(MarkSession).Dispose();
        next.Complete();

        void AssertOver(scoped in MarkSession session)
        {
            int refused = 0;
            try
            {
                session.Mark(block);
            }
            catch (InvalidOperationException)
            {
                refused++;
            }

            try
            {
                session.Complete();
            }
            catch (InvalidOperationException)
            {
                refused++;
            }

            Assert.Equal(2, refused);
        }
    }

    [Fact]
    public void A_session_that_fails_frees_nothing_and_is_over()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint[] blocks = Collectables.Make(heap, 1000, 48);
        int died = 0;
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(scope.NewBytes(s_layout, 16));
            scope.OnDead(scope.At<byte>(blocks[1]), _ => died++, 0);
        }

        s_refuses = true;
        Assert.Throws<InvalidOperationException>(() => Collectables.Mark(heap, blocks[..1]));
        s_refuses = false;
        heap.Verify();
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Collectables.AssertLeft(heap, 1001, 0);
        Assert.Equal(0, died);

        Collectables.Mark(heap, blocks[..1]);
        heap.RunCleanUps();
        Collectables.AssertLeft(heap, 2, 0);
        Assert.Equal(1, died);
    }

    [Fact]
    public unsafe void A_session_in_which_a_wrong_reference_is_found_leaves_no_mark()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        nint[] blocks = Collectables.Make(heap, 100, 48);
        nint node = Collectables.MakeNode(heap);
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(scope.At<Node>(node));
        }

        *(nint*)node = blocks[0] + 16;
        Assert.Throws<HeapCorruptionException>(() => Collectables.Mark(heap, blocks[..1]));
        *(nint*)node = 0;
        Collectables.AssertLeft(heap, 101, 0);
        Collectables.Mark(heap, blocks[..1]);
        Collectables.AssertLeft(heap, 2, 0);
    }

    [Fact]
    public void A_collection_that_a_session_holds_up_for_too_long_says_so()
    {
        using TracedHeap heap = TracedHeaps.Still();
        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(20);
        using MarkSession marking = heap.BeginMark();
        StressThreads.RunOne(() =>
        {
            Assert.Contains(nameof(MarkSession), Assert.Throws<TimeoutException>(heap.Collect).Message, StringComparison.Ordinal);
            Assert.Contains(nameof(MarkSession), Assert.Throws<TimeoutException>(() => heap.BeginMark()).Message, StringComparison.Ordinal);
            Assert.Throws<InvalidOperationException>(heap.Verify);
        });
        marking.Complete();
    }

    [Fact]
    public void Sizes_that_cannot_be_had_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Throws<ArgumentOutOfRangeException>(() => Collectables.Make(heap, 1, -1));
        Assert.Throws<OutOfMemoryException>(() => Collectables.Make(heap, 1, long.MaxValue));
        Assert.NotEqual(0, Collectables.Make(heap, 1, 0)[0]);
        heap.CollectAndSweep();
    }

    [Fact]
    public void A_heap_that_is_full_of_them_refuses_more_until_some_are_not_marked()
    {
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = 1 << 20,
            MemoryLimit = Limit,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
        });
        for (int round = 0; round < 3; round++)
        {
            List<nint> made = [];
            Assert.Throws<OutOfMemoryException>(() => Fill(heap, made));
            Assert.InRange(made.Count, 1000, Limit / 1024);
            heap.Collect();
            Assert.Throws<OutOfMemoryException>(() => Fill(heap, made));
            Collectables.Mark(heap, made.Take(10));
            Collectables.AssertLeft(heap, 10, 0);
            Collectables.Mark(heap, []);
            heap.FinishSweeping();
        }
    }

    private static void Fill(TracedHeap heap, List<nint> made)
    {
        while (true)
        {
            using TracedScope scope = heap.Enter();
            made.Add(scope.NewCollectable(1000).Address);
        }
    }

    private static void Refuse(nint block, TracedVisitor context)
    {
        if (s_refuses)
        {
            throw new NotSupportedException();
        }
    }
}
