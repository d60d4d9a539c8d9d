using System.Numerics;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Interleaving.Mutants;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>
/// S01, Go issue 11617: one thread wins a large dead span (1), gives its pages back (2), another takes them for a span of its own (3) and
/// writes its bits (4); the first writes once more what it had still to write (5), and live blocks are lost (6).
/// </summary>
[Trait("Category", "Protocol")]
public sealed class PublicationTests(ITestOutputHelper output)
{
    private const int Sweeper = 0;
    private const int Owner = 1;

    private static readonly (int, InterleavingPoint?)[] s_sixSteps =
    [
        (Sweeper, InterleavingPoint.SpanPublished), (Owner, null), (Sweeper, null),
    ];

    /// <summary>What the pages are used for next.</summary>
    public enum NewOwner
    {
        /// <summary>Blocks that are freed by hand: their alloc bits lie where the span's generation and count lay.</summary>
        Manual,

        /// <summary>A large traced block.</summary>
        Traced,

        /// <summary>A large traced block, and a cycle marks it in the bitmap that the sweeper had to clear.</summary>
        TracedAndMarked,
    }

    [Theory]
    [InlineData(NewOwner.Manual, false)]
    [InlineData(NewOwner.Manual, true)]
    [InlineData(NewOwner.Traced, false)]
    [InlineData(NewOwner.Traced, true)]
    [InlineData(NewOwner.TracedAndMarked, false)]
    [InlineData(NewOwner.TracedAndMarked, true)]
    public void S01_The_thread_that_swept_a_large_span_writes_nothing_to_it_once_it_is_another_s(NewOwner owner, bool keepsMarks)
    {
        Func<Scenario> make = () => Make(owner, new SweepAs(IsMutant: false, keepsMarks));
        Exploration.Run(make, new ScriptedOrder(s_sixSteps));
        output.WriteLine($"{Exploration.RunAll(make, preemptions: 4)} schedules with up to 4 preemptions");
        Exploration.RunSeeds(make);
    }

    [Theory]
    [InlineData(NewOwner.Manual)]
    [InlineData(NewOwner.Traced)]
    [InlineData(NewOwner.TracedAndMarked)]
    public void S01_The_old_order_loses_bits_and_every_search_finds_it(NewOwner owner)
    {
        Func<Scenario> make = () => Make(owner, new SweepAs(IsMutant: true, KeepsMarks: false));
        ScheduleFailedException byHand = Assert.Throws<ScheduleFailedException>(() => Exploration.Run(make, new ScriptedOrder(s_sixSteps)));
        ScheduleFailedException? byAll = Exploration.Find(make, Exploration.AllOrders(preemptions: 1), out int all);
        ScheduleFailedException? bySeed = Exploration.Find(make, Enumerable.Range(1, 5000).Select(static seed => new RandomOrder(seed, stays: 3)), out int seeds);
        ScheduleFailedException? byPriority =
            Exploration.Find(make, Enumerable.Range(1, 100).Select(static seed => new PriorityOrder(seed, changes: 1, steps: 10)), out int priorities);
        output.WriteLine($"found after {all} schedules of all, {seeds} random ones, {priorities} by priorities");
        foreach (ScheduleFailedException? failure in (ScheduleFailedException?[])[byHand, byAll, bySeed, byPriority])
        {
            Assert.Contains("bits of the new owner are lost", failure?.Message, StringComparison.Ordinal);
            ScheduleFailedException again =
                Assert.Throws<ScheduleFailedException>(() => Exploration.Run(make, new ReplayedOrder(Decisions.Read(failure!.Decisions))));
            Assert.Equal(failure!.InnerException?.Message, again.InnerException?.Message);
        }
    }

    private static unsafe Scenario Make(NewOwner owner, SweepAs sweep)
    {
        TracedWorld world = new();
        world.MakeLarge(count: 1, kept: 0);
        world.Mark();
        nint place = world.FirstTraced;
        ulong[] written = [];
        long before = world.Heap.Core.Pages.PagesInUse;
        return new Scenario(world, new("sweeper", () => Sweep(world, place, sweep)), new("new owner", () =>
        {
            InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, () => world.Heap.Core.Pages.PagesInUse < before);
            Own(world, owner, place);
            written = Metadata(place);
        }))
        {
            AtEnd = () =>
            {
                ulong[] left = Metadata(place);
                int lost = written.Zip(left, static (was, now) => BitOperations.PopCount(was & ~now)).Sum();
                Assert.True(lost == 0, $"{lost} bits of the new owner are lost.");
                Assert.Equal(written, left);
            },
        };
    }

    private static unsafe void Sweep(TracedWorld world, nint place, SweepAs sweep)
    {
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanAt(place);
        Assert.True(world.Parts.Spans.SetOf(span->SpanClass)->TakeUnswept(world.Sweeper.Generation, full: true) == span);
        Assert.True(SweepToken.TryAcquire(span, world.Sweeper.Generation, out SweepToken token));
        InterleavingPoints.At(InterleavingPoint.SweepAcquired);
        if (sweep.IsMutant)
        {
            new MutantSpanSweeper(world.Parts.Spans).Sweep(token);
            return;
        }

        SweepTally tally = default;
        new SpanSweeper(world.Parts.Spans, new DeadBlockPoison(enabled: false), quarantine: null, sweep.KeepsMarks).Sweep(token, ref tally);
    }

    private static unsafe void Own(TracedWorld world, NewOwner owner, nint place)
    {
        if (owner == NewOwner.Manual)
        {
            nint block = 0;
            for (int i = 0; i < 300; i++)
            {
                block = (nint)world.Heap.Native.Alloc(16);
            }

            Assert.Equal(place, block & -PageGeometry.PageSize);
            return;
        }

        world.MakeLarge(count: 1, kept: 1);
        Assert.Equal(place, world.FirstTraced);
        if (owner == NewOwner.TracedAndMarked)
        {
            world.Mark();
        }
    }

    // All bits of a page's first span that one of both has: the record with what follows it, and both bitmaps of the page.
    private static unsafe ulong[] Metadata(nint place)
    {
        ReadOnlySpan<ulong> record = new(ArenaHeader.SpanAt(place), sizeof(TracedSpan) / sizeof(ulong));
        return [.. record, .. TracedBits.OfPage(place, 0), .. TracedBits.OfPage(place, 1)];
    }

    /// <summary>How the span is swept.</summary>
    /// <param name="IsMutant">Whether in the old order.</param>
    /// <param name="KeepsMarks">Whether what lives stays marked, as in a heap with minor collections.</param>
    private readonly record struct SweepAs(bool IsMutant, bool KeepsMarks);
}
