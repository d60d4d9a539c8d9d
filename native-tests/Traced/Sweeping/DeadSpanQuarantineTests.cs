using SpanHeap.Spans;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;
using Xunit.Abstractions;
using static SpanHeap.Tests.Traced.Sweeping.DeadSpans;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>
/// With full checks: spans in which blocks have died are kept back, in order but for a random share and within a budget; a use of what has
/// died there is found, and so is a write to it when the span leaves. When they go before that, <see cref="DeadSpanReleaseTests"/> says.
/// </summary>
[Unguarded("guarded blocks have a quarantine of their own")]
public sealed unsafe class DeadSpanQuarantineTests(ITestOutputHelper output)
{
    private const nuint Budget = 4 << 20;

    [Fact]
    public void A_heap_with_spans_that_are_kept_back_may_be_disposed_twice()
    {
        TracedHeap heap = TracedHeaps.Checked(Budget);
        for (int i = 0; i < 10; i++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int k = 0; k < 100; k++)
                {
                    scope.New<Node>();
                }
            }

            heap.Collect();
        }

        Assert.True(heap.Parts.Quarantine!.Any);
        heap.Dispose();
        heap.Dispose();
        Assert.True(heap.IsDisposed);
    }

    [Fact]
    public void A_stale_reference_is_refused_although_thousands_of_blocks_were_made_since()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        nint node;
        nint text;
        nint values;
        nint list;
        nint dictionary;
        using (TracedScope scope = heap.Enter())
        {
            // Of two span classes the span stays for others' sake, of the rest nothing lives.
            scope.Keep(scope.New<Node>());
            scope.Keep(scope.NewString("kept"));
            node = scope.New<Node>().Address;
            text = scope.NewString("dead").Address;
            values = scope.NewValues<long>(4).Address;
            list = scope.New<TracedList<long>>().Address;
            dictionary = scope.New<TracedDictionary<Traced<TracedString>, long>>().Address;
        }

        heap.CollectAndSweep();
        HashSet<nint> made = [];
        using TracedScope later = heap.Enter();
        for (int i = 0; i < 2000; i++)
        {
            made.UnionWith([later.New<Node>().Address, later.NewString("live").Address, later.NewValues<long>(4).Address]);
            made.UnionWith([later.New<TracedList<long>>().Address, later.New<TracedDictionary<Traced<TracedString>, long>>().Address]);
        }

        Assert.Empty(made.Intersect([node, text, values, list, dictionary]));
        AssertDead(node, () => new TracedRef<Node>(node).Value.Value = 1);
        AssertDead(text, () => _ = new TracedRef<TracedString>(text).Value.ToString());
        AssertDead(values, () => new TracedRef<TracedValues<long>>(values).Value[0] = 1);
        AssertDead(list, () => _ = new TracedRef<TracedList<long>>(list).Value.Count);
        AssertDead(dictionary, () => _ = new TracedRef<TracedDictionary<Traced<TracedString>, long>>(dictionary).Value.Count);
        heap.Verify();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_has_died_stays_out_of_use_until_as_much_has_died_after_it(bool withLive)
    {
        const nuint Small = 1 << 20;
        using TracedHeap heap = TracedHeaps.Checked(Small);
        DeadSpanQuarantine quarantine = heap.Parts.Quarantine!;
        HashSet<nint> first = MakeDead(heap, 1000, withLive);
        int rounds = 0;
        while (!MakeDead(heap, 1000, withLive).Overlaps(first))
        {
            Assert.InRange(quarantine.Bytes, 1, (long)Small);
            Assert.InRange(++rounds, 0, 1000);
        }

        // A node takes 32 bytes, and a span has free slots in which nothing has died.
        Assert.InRange(rounds * 32_000, (long)Small / 4, (long)Small * 4);
        heap.Verify();
    }

    [Fact]
    public void Spans_leave_in_their_order_but_for_a_random_share_which_the_seed_decides()
    {
        List<int> order = LeaveInOrder(seed: 1);
        Assert.Equal(order, LeaveInOrder(seed: 1));
        Assert.NotEqual(order, LeaveInOrder(seed: 2));
        int[] early = [.. order.Select(static (span, place) => span - place).Where(static ahead => ahead > 0)];

        // One in four lets others pass; none is more ahead of its turn than those it passed.
        Assert.InRange(early.Length, order.Count / 4, order.Count);
        Assert.InRange(early.Max(), 1, order.Count / 2);
    }

    [Theory]
    [InlineData("by the budget")]
    [InlineData("by Trim")]
    [InlineData("with the heap")]
    public void A_write_to_what_has_died_is_reported_when_it_leaves(string leaves)
    {
        List<HeapMisuseEventArgs> found = [];
        TracedHeap heap = TracedHeaps.Checked(1 << 20);
        heap.Native.MisuseFound += (_, misuse) =>
        {
            lock (found)
            {
                found.Add(misuse);
            }
        };
        nint dead = MakeDead(heap, 10, withLive: leaves == "by the budget").First();
        *(byte*)(dead + 20) = 1;
        Assert.Contains($"0x{dead:x} (Node) was written to after it had died: byte 20", Assert.Throws<HeapCorruptionException>(heap.Verify).Plain(), StringComparison.Ordinal);
        switch (leaves)
        {
            case "by the budget":
                for (int i = 0; i < 200 && heap.Native.GetStatistics().MisuseCount == 0; i++)
                {
                    MakeDead(heap, 1000, withLive: true, verified: false);
                }

                break;
            case "by Trim":
                heap.Trim();
                break;
            default:
                heap.Dispose();
                break;
        }

        StressWait.Until(
            () =>
            {
                lock (found)
                {
                    return found.Count > 0;
                }
            },
            static () => "nothing was reported");
        Assert.Equal((dead, MisuseKind.WriteAfterFree), (found[0].Address, found[0].Kind));
        if (leaves != "with the heap")
        {
            // Reported once: it is as it should be again.
            heap.Verify();
            Assert.Equal(1, heap.Native.GetStatistics().MisuseCount);
            heap.Dispose();
        }
    }

    [Fact]
    public void Spans_in_which_nothing_lives_keep_their_pages_until_they_leave()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        MakeDead(heap, 10_000, withLive: false);
        long pages = heap.Parts.Spans.PagesInUse;
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        Assert.InRange(pages, 10_000 * 32 / 8192, long.MaxValue);
        for (int i = 0; i < 3; i++)
        {
            heap.CollectAndSweep();
            Assert.Equal(pages, heap.Parts.Spans.PagesInUse);
        }

        heap.Trim();
        Assert.Equal((0, 0, 0), (heap.Parts.Spans.Count, heap.Parts.Spans.PagesInUse, heap.Parts.Quarantine!.Bytes));
        heap.Verify();
    }

    [Fact]
    public void A_span_with_live_blocks_stays_kept_back_over_collections_and_its_blocks_stay_as_they_are()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        TracedHandle<Node> kept;
        nint dead;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = 77;
            kept = scope.Keep(node);
            dead = scope.New<Node>().Address;
        }

        for (int i = 0; i < 5; i++)
        {
            heap.CollectAndSweep();
            Assert.Equal((1L, 0L), TracedCensus.Take(heap));
            Assert.NotEqual(0, TracedSpanOf(dead)->KeptNumber);
            using TracedScope scope = heap.Enter();
            Assert.Equal(77, kept.Get(scope).Value.Value);
            Assert.NotEqual(PageOf(dead), PageOf(scope.New<Node>().Address));
        }

        kept.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Large_blocks_are_kept_back_unless_they_would_turn_too_many_others_out()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        nint fits;
        nint tooLarge;
        using (TracedScope scope = heap.Enter())
        {
            fits = scope.NewBytes(TracedLayout.NoPointers, 100_000).Address;
            tooLarge = scope.NewBytes(TracedLayout.NoPointers, (long)Budget / 8).Address;
        }

        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        Assert.Equal((true, false), (IsTraced(fits), IsTraced(tooLarge)));
        using (TracedScope scope = heap.Enter())
        {
            AssertDead(fits, () => new TracedRef<byte>(fits).Value = 1);
            Assert.NotEqual(fits, scope.NewBytes(TracedLayout.NoPointers, 100_000).Address);
        }

        *(byte*)(fits + 99_999) = 1;
        Assert.Throws<HeapCorruptionException>(heap.Verify);
        heap.Trim();
        Assert.Equal((false, 1), (IsTraced(fits), heap.Native.GetStatistics().MisuseCount));
    }

    [Fact]
    public void Blocks_that_only_the_program_can_know_to_be_dead_live_on_in_a_span_that_is_kept_back()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        nint live;
        nint dead;
        using (TracedScope scope = heap.Enter())
        {
            live = scope.NewCollectable(48).Address;
            dead = scope.NewCollectable(48).Address;
        }

        using (MarkSession session = heap.BeginMark())
        {
            session.Mark(live);
            session.Complete();
        }

        heap.FinishSweeping();
        Assert.NotEqual(0, TracedSpanOf(dead)->KeptNumber);
        for (int i = 0; i < 3; i++)
        {
            heap.CollectAndSweep();
            Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_slot_of_a_span_that_is_kept_back_serves_whatever_lives_and_dies(int seed)
    {
        const int Small = 256 << 10;
        output.WriteLine($"seed {seed}");
        StressRandom random = new((ulong)seed);
        using TracedHeap heap = TracedHeaps.Checked(Small);
        Dictionary<nint, (TracedHandle<byte> Handle, long Size)> live = [];
        HashSet<nint> dropped = [];
        int stale = 0;
        for (int round = 0; round < 40; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                foreach (nint dead in dropped.Where(static dead => IsTraced(dead) && TracedSpanOf(dead)->KeptNumber != 0))
                {
                    stale++;
                    Assert.Throws<HeapCorruptionException>(() => heap.Parts.ScopeChecks.RequireUsable(dead));
                }

                dropped.Clear();
                for (int i = random.Below(400); i > 0; i--)
                {
                    long size = random.Below(8) switch { 0 => 20_000, 1 => 12_000, 2 => 3000, _ => 16 + random.Below(300) };
                    TracedRef<byte> block = random.OneIn(5) ? scope.NewCollectable(size) : scope.NewBytes(TracedLayout.NoPointers, size);
                    Assert.Equal(0, TracedSpanOf(block.Address)->KeptNumber);
                    Assert.Equal(-1, new System.Span<byte>((void*)block.Address, (int)size).IndexOfAnyExcept((byte)0));
                    new System.Span<byte>((void*)block.Address, (int)size).Fill((byte)size);
                    if (IsCollectable(block.Address) || random.OneIn(3))
                    {
                        live.Add(block.Address, (scope.Keep(block), size));
                    }
                    else
                    {
                        dropped.Add(block.Address);
                    }
                }
            }

            foreach (nint block in live.Keys.Where(block => !IsCollectable(block) && random.OneIn(4)).ToArray())
            {
                live[block].Handle.Dispose();
                live.Remove(block);
                dropped.Add(block);
            }

            heap.Collect();
            heap.FinishSweeping();
            Assert.Equal(live.Count, TracedCensus.Take(heap).Small);
            Assert.InRange(heap.Parts.Quarantine!.Bytes, 0, Small);
            Assert.All(live, static one => Assert.Equal(-1, new System.Span<byte>((void*)one.Key, (int)one.Value.Size).IndexOfAnyExcept((byte)one.Value.Size)));
            if (random.OneIn(10))
            {
                heap.Trim();
            }
        }

        Assert.InRange(stale, 100, int.MaxValue);
        Assert.Equal(0, heap.Native.GetStatistics().MisuseCount);
    }

    [Theory]
    [InlineData(HeapChecks.Standard, 4 << 20)]
    [InlineData(HeapChecks.Full, 0)]
    public void Without_full_checks_or_a_budget_nothing_waits(HeapChecks checks, int bytes)
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2, Checks = checks, QuarantineBytes = (nuint)bytes });
        Assert.Null(heap.Parts.Quarantine);
        HashSet<nint> dead = MakeDead(heap, 1000, withLive: true);
        Assert.True(MakeDead(heap, 1000, withLive: true).Overlaps(dead));
    }

    // Blocks that are a span each die one by one; which of them leaves when, by the order in which they died.
    private static List<int> LeaveInOrder(ulong seed)
    {
        const int Blocks = 100;
        const int Bytes = 40_960;
        using TracedHeap heap = TracedHeaps.Checked(0);
        List<nint> written = [];
        DeadSpanQuarantine quarantine = new(heap.Parts.Spans, heap.Parts.Statistics, Bytes * 20, seed, written.Add);
        List<nint> blocks = [];
        List<int> left = [];
        using TracedScope scope = heap.Enter();
        uint generation = heap.Parts.Sweeper.Generation;
        for (int i = 0; i < Blocks; i++)
        {
            blocks.Add(scope.NewBytes(TracedLayout.NoPointers, Bytes).Address);
            TracedSpan* span = TracedSpanOf(blocks[i]);
            heap.Parts.Spans.SetOf(span->SpanClass)->TakeUnswept(generation + SweepGeneration.Step, full: true);
            TracedSlots.Clear(span, 0);
            TracedSlots.Clear(span, 1);
            span->Allocated = 0;
            DeadBlockPoison.Restore(span, static _ => { });
            Assert.True(quarantine.TryKeep(span, generation));
            while ((span = quarantine.TakeOverdue()) != null)
            {
                left.Add(blocks.IndexOf(span->Span.Base));
                Assert.Equal(0, span->KeptNumber);
            }

            Assert.Equal(Math.Min(i + 1, 20) * (long)Bytes, quarantine.Bytes);
        }

        Assert.Equal(Blocks - 20, left.Count);
        Assert.Equal(left.Count, left.Distinct().Count());
        return left;
    }
}
