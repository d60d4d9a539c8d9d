using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Sweeping;
using SpanHeap.Traced;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Traced.Pacing;

[Trait("Category", "Protocol")]
public sealed unsafe class PacerTests(ITestOutputHelper output)
{
    // Pages of a span of small blocks, at most.
    private const int LargestOfClasses = 16;

    private const int LargestReport = 3 << 20;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void S08_Each_allocation_sweeps_what_is_owed_and_never_more_than_a_span_beyond(int seed)
    {
        output.WriteLine($"seed {seed}");
        StressRandom random = new((ulong)seed);
        using TracedHeap heap = TracedHeaps.Still();
        TracedParts traced = heap.Parts;
        long minimum = (1 << 20) + random.Below(8 << 20);
        Pacer pacer = new(traced.Sweeper, traced.Statistics, traced.Spans, new MemoryRoom(traced.Core.Limit, traced.Spans, long.MaxValue), new TracingOptions { MinimumBytes = minimum });
        int largestSpan = LargestOfClasses;
        for (int cycle = 0; cycle < 8; cycle++)
        {
            Fill(heap, random, ref largestSpan);
            long marked = QuietCycle.Mark(traced);
            pacer.BeginCycle(marked, marked);
            long toSweep = traced.Spans.PagesInUse;
            long sweptBefore = traced.Statistics.Pages;
            long distance = Math.Max(minimum, marked) / 2;
            long taken = 0;
            long owed = 0;
            for (int step = 0; step < 300; step++)
            {
                // Slots that caches give back count backwards.
                long bytes = random.OneIn(4) ? -random.Below(32 << 10) : random.Below(random.OneIn(20) ? LargestReport : 64 << 10);
                taken += bytes;
                pacer.NoteTaken(bytes);
                owed = Math.Max(owed, (long)(toSweep * Math.Clamp((double)taken / distance, 0, 1)));
                Assert.InRange(traced.Statistics.Pages - sweptBefore, Math.Min(owed, toSweep), owed + largestSpan);
            }

            Assert.True(owed < toSweep || !traced.Sweeper.SweepOne(SweepReason.Finish), "What is owed in full is swept in full.");
            Assert.Equal(marked + taken, pacer.LiveBytes);
        }
    }

    [Fact]
    public void A_heap_past_its_goal_notes_that_a_limit_is_near_before_it_refuses_a_block()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 256 << 10, MemoryLimit = 8 << 20, ScavengeDelay = Timeout.InfiniteTimeSpan });
        using TracedScope scope = heap.Enter();

        // A refusal would end the test by its exception.
        while (!heap.Parts.Pacer.IsLimitReached)
        {
            scope.New<Node>();
        }

        Assert.True(heap.Parts.Pacer.IsDue);
    }

    [Fact]
    public void However_much_is_owed_an_allocation_sweeps_a_bounded_number_of_spans_and_the_next_ones_go_on()
    {
        // Enough for three reports, whatever pages a span has.
        const int Pages = 8000;
        const int Report = 32 << 10;
        const int PagesOfReport = Report / (8 << 10);
        using TracedHeap heap = TracedHeaps.Still();
        TracedParts traced = heap.Parts;
        using (TracedScope scope = heap.Enter())
        {
            while (traced.Spans.PagesInUse < Pages)
            {
                scope.New<Node>();
            }
        }

        Pacer pacer = new(traced.Sweeper, traced.Statistics, traced.Spans, new MemoryRoom(traced.Core.Limit, traced.Spans, long.MaxValue), new TracingOptions { MinimumBytes = Report });
        long marked = QuietCycle.Mark(traced);
        pacer.BeginCycle(marked, marked);
        for (int report = 1; report <= 3; report++)
        {
            pacer.NoteTaken(Report);
            Assert.Equal(report * (Pacer.MostSpansToPay + PagesOfReport), traced.Statistics.SpansSweptBy(SweepReason.Allocation));
        }

        Assert.InRange(pacer.Assists.Longest, TimeSpan.FromTicks(1), pacer.Assists.Total);

        // A large block takes longer to be cleared than so many spans to be swept.
        pacer.NoteTaken((long)Pages * (8 << 10));
        Assert.False(traced.Sweeper.SweepOne(SweepReason.Finish), "What is owed in full is swept in full.");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void S14_What_is_live_is_known_but_for_what_caches_have_not_reported(int seed)
    {
        const int Threads = 3;
        const int Kinds = 8;

        // A report, and the word that each cursor has taken.
        const long Unreported = Threads * ((32 << 10) + (Kinds * (32 << 10)));
        output.WriteLine($"seed {seed}");
        StressRandom random = new((ulong)seed);
        using TracedHeap heap = TracedHeaps.Still();
        StressWorker[] threads = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        long most = 0;
        for (int round = 0; round < 60; round++)
        {
            foreach (StressWorker thread in threads)
            {
                if (!random.OneIn(3))
                {
                    thread.Do(() => Make(heap, random));
                }
            }

            if (random.OneIn(2))
            {
                QuietCycle.Mark(heap.Parts, keepCaches: random.OneIn(2));
            }

            if (heap.Parts.Sweeper.IsDone || random.OneIn(2))
            {
                heap.FinishSweeping();
                long allocated = BytesAllocated(heap);
                most = Math.Max(most, allocated);
                Assert.InRange(heap.Parts.Pacer.LiveBytes, allocated - Unreported, allocated + Unreported);
            }
        }

        Assert.InRange(most, 4 * Unreported, long.MaxValue);
        Array.ForEach(threads, static thread => thread.Dispose());
    }

    // Spans of several sizes, with nothing or something alive, which the next cycles sweep again.
    private static void Fill(TracedHeap heap, StressRandom random, ref int largestSpan)
    {
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < 200; i++)
        {
            int length = random.OneIn(10) ? 5000 + random.Below(20_000) : 1 + random.Below(4000);
            largestSpan = Math.Max(largestSpan, (length / 1024) + 2);
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
            if (random.OneIn(5))
            {
                scope.Keep(array);
            }
        }
    }

    private static void Make(TracedHeap heap, StressRandom random)
    {
        using TracedScope scope = heap.Enter();
        for (int i = random.Below(60); i > 0; i--)
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(random.OneIn(20) ? 20_000 : 100 << random.Below(6));
            if (random.OneIn(4))
            {
                scope.Keep(array);
            }
        }
    }

    private static long BytesAllocated(TracedHeap heap)
    {
        long bytes = 0;
        TracedWalk walk = new(heap.Core.Pages);
        while (walk.MoveNext())
        {
            TracedSpan* span = walk.Current;
            bytes += span->Allocated * (long)span->Span.SlotSize;
        }

        return bytes;
    }

    [Fact]
    public void A_marker_is_behind_after_half_the_growth_or_at_a_limit()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Pacer pacer = MakePacer(heap.Parts);
        pacer.BeginCycle(0, 0);
        pacer.NoteTaken(pacer.GoalBytes);
        Assert.False(pacer.IsBehind);
        pacer.NoteTaken((1 << 20) / 2);
        Assert.True(pacer.IsBehind);
        pacer.BeginCycle(0, 0, isConcurrent: true);
        Assert.False(pacer.IsBehind);
        pacer.RequestCycle();
        Assert.True(pacer.IsBehind);
    }

    [Fact]
    public void A_wish_that_comes_while_the_heap_is_marked_is_kept()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Pacer pacer = MakePacer(heap.Parts);
        pacer.MakeDue();
        pacer.BeginMarking();
        pacer.BeginCycle(0, 0, isConcurrent: true);
        Assert.False(pacer.IsDue);
        pacer.BeginMarking();
        pacer.MakeDue();
        pacer.BeginCycle(0, 0, isConcurrent: true);
        Assert.Equal((true, true), (pacer.IsDue, pacer.WantsMajor));
    }

    private static Pacer MakePacer(TracedParts traced) => new(
        traced.Sweeper,
        traced.Statistics,
        traced.Spans,
        new MemoryRoom(traced.Core.Limit, traced.Spans, long.MaxValue),
        new TracingOptions { MinimumBytes = 1 << 20 });
}
