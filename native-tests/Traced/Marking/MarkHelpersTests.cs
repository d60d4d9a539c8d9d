using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>What marking needs is not kept: threads are the process's, and chunks go back.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class MarkHelpersTests
{
    [Fact]
    [Trait("Concurrent", "Off")]
    public void Heaps_that_are_collected_one_after_another_share_their_helpers()
    {
        const int Heaps = 4;
        long started = MarkHelpers.Started;
        List<TracedHeap> heaps = [.. Enumerable.Range(0, Heaps).Select(static _ =>
            new TracedHeap(new TracedHeapOptions { MarkThreads = 2, MinimumBytes = nuint.MaxValue >> 2 }))];
        foreach (TracedHeap heap in heaps)
        {
            using (TracedScope scope = heap.Enter())
            {
                scope.Keep(scope.NewArray<Node>(1 << 20));
            }

            heap.Collect();
            Assert.Equal(Math.Min(2, Environment.ProcessorCount), heap.LastCollection!.MarkThreads);
        }

        Assert.InRange(MarkHelpers.Started - started, 0, 1);
        heaps.ForEach(static heap => heap.Dispose());
    }

    [Fact]
    public void A_helper_that_is_not_needed_ends()
    {
        TimeSpan before = MarkHelpers.IdleTime;
        List<MarkHelper> taken = [];
        try
        {
            MarkHelpers.IdleTime = TimeSpan.FromMilliseconds(1);
            long started = MarkHelpers.Started;
            while (MarkHelpers.Started == started)
            {
                taken.Add(MarkHelpers.TryTake()!);
            }

            // Taken, it stays.
            MarkHelper last = taken[^1];
            Thread.Sleep(20);
            Assert.False(last.HasEnded);
            MarkHelpers.Give(last);
            taken.Remove(last);
            StressWait.Until(() => last.HasEnded, static () => "the helper stays");
        }
        finally
        {
            MarkHelpers.IdleTime = before;
            taken.ForEach(MarkHelpers.Give);
        }
    }

    [Fact]
    public void Chunks_that_a_marking_has_needed_go_back_after_it_and_do_not_count_any_more()
    {
        using TracedHeap heap = TracedHeaps.Still();
        heap.Collect();
        nuint before = heap.Core.Metadata.UsedBytes;
        MarkChunks chunks = heap.Parts.Team.Queue.Chunks;
        List<nint> taken = [.. Enumerable.Range(0, 500).Select(_ => (nint)chunks.Take())];
        taken.ForEach(chunk => chunks.Give((MarkChunk*)chunk));
        nuint grown = heap.Core.Metadata.UsedBytes;

        heap.Collect();

        Assert.InRange(grown, before + (400 * MarkChunk.Size), nuint.MaxValue);
        Assert.InRange(heap.Core.Metadata.UsedBytes, before, before + (64 * MarkChunk.Size));
    }
}
