using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Sweeping;
using static SpanHeap.Tests.Traced.Sweeping.DeadSpans;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>With full checks: spans that are kept back go when their memory is wanted or the heap is left alone, and not while they are walked over.</summary>
[Unguarded("guarded blocks have a quarantine of their own")]
public sealed unsafe class DeadSpanReleaseTests
{
    private const nuint Budget = 4 << 20;

    [Fact]
    public void A_heap_at_its_limit_has_all_of_it_for_blocks_again()
    {
        const int Limit = 16 << 20;
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = nuint.MaxValue >> 2,
            MemoryLimit = Limit,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            Checks = HeapChecks.Full,
        });
        using TracedRoots<byte> live = heap.CreateRoots<byte>(100);
        for (int round = 0; round < 6; round++)
        {
            long bytes = 0;
            using (TracedScope scope = heap.Enter())
            {
                try
                {
                    for (int size = round % 2 == 0 ? 100 : 50_000; ; bytes += size)
                    {
                        // So that some spans stay for others' sake.
                        TracedRef<byte> block = scope.NewBytes(TracedLayout.NoPointers, size);
                        live.Set(scope, (int)(bytes / size % 1000 / 10), block);
                    }
                }
                catch (OutOfMemoryException)
                {
                    Assert.Equal(0, heap.Parts.Quarantine!.Bytes);
                }
            }

            Assert.InRange(bytes, Limit / 2, Limit);
            heap.CollectAndSweep();
            Assert.InRange(heap.Parts.Quarantine.Bytes, 1, Limit / 8);
        }
    }

    [Fact]
    public void What_is_kept_back_goes_before_a_block_by_hand_is_refused()
    {
        const int Limit = 8 << 20;
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = nuint.MaxValue >> 2,
            MemoryLimit = Limit,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            Checks = HeapChecks.Full,
            QuarantineBlocks = 0,
        });
        MakeDead(heap, 100_000, withLive: false);
        Assert.InRange(heap.Parts.Quarantine!.Bytes, Limit / 16, Limit / 8);
        List<nint> blocks = [];
        try
        {
            while (true)
            {
                blocks.Add((nint)heap.Native.Alloc(20_000));
            }
        }
        catch (OutOfMemoryException)
        {
            Assert.Equal((0, 0), (heap.Parts.Quarantine.Bytes, heap.Parts.Spans.Count));
        }

        StressHeap.FreeAll(heap.Native, [.. blocks]);
        heap.Verify();
    }

    [Fact]
    public void A_heap_that_is_left_alone_gives_them_back()
    {
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = nuint.MaxValue >> 2,
            ScavengeDelay = TimeSpan.FromMilliseconds(20),
            Checks = HeapChecks.Full,
        });
        MakeDead(heap, 10_000, withLive: false, verified: false);
        StressWait.Until(() => heap.Parts.Spans.Count == 0, static () => "the pages stayed");
        Assert.Equal(0, heap.Parts.Quarantine!.Bytes);
    }

    [Fact]
    public void Who_walks_over_the_heap_finds_all_that_was_there()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        MakeDead(heap, 1000, withLive: false);
        DeadSpanQuarantine quarantine = heap.Parts.Quarantine!;
        long spans = heap.Parts.Spans.Count;
        quarantine.Freeze();
        quarantine.Freeze();
        quarantine.Thaw();
        Assert.False(quarantine.ReleaseOldest(long.MaxValue));
        Assert.Equal(spans, heap.Parts.Spans.Count);
        quarantine.Thaw();
        Assert.True(quarantine.ReleaseOldest(long.MaxValue));
        Assert.Equal(spans - 1, heap.Parts.Spans.Count);
    }

    [Fact]
    public void What_comes_while_a_round_lets_spans_go_waits_for_the_next()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        MakeDead(heap, 1000, withLive: false);
        DeadSpanQuarantine quarantine = heap.Parts.Quarantine!;
        long atFirst = heap.Parts.Spans.Count;
        long newest = quarantine.Newest;
        MakeDead(heap, 1000, withLive: false);
        long later = heap.Parts.Spans.Count - atFirst;
        for (int i = 0; i < atFirst; i++)
        {
            Assert.True(quarantine.ReleaseOldest(newest));
        }

        Assert.False(quarantine.ReleaseOldest(newest));
        Assert.InRange(later, 1, long.MaxValue);
        Assert.Equal(later, heap.Parts.Spans.Count);
        heap.Verify();
    }

    [Fact]
    public void Maintenance_lets_none_go_of_those_that_a_heap_which_goes_looks_at()
    {
        using TracedHeap heap = TracedHeaps.Checked(Budget);
        MakeDead(heap, 1000, withLive: false);
        DeadSpanQuarantine quarantine = heap.Parts.Quarantine!;
        heap.Parts.Dispose();
        Assert.True(quarantine.Any);
        Assert.False(quarantine.ReleaseOldest(long.MaxValue));
    }
}
