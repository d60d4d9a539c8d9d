using SpanHeap.Os;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>What marking needs is not kept: threads are the process's, and chunks go back.</summary>
[Collection(WholeProcess.Name)]
public sealed class MarkHelpersTests
{
    [Fact]
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
    public void A_mark_stack_that_has_grown_goes_back_and_does_not_count_any_more()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MarkThreads = 1, MinimumBytes = nuint.MaxValue >> 2 });
        using (TracedScope scope = heap.Enter())
        {
            // A tree as wide as the stack grows.
            TracedRef<TracedArray<Node>> rows = scope.NewArray<Node>(300_000);
            scope.Keep(rows);
            for (int i = 0; i < 300_000; i++)
            {
                rows.Value[i].Set(scope, scope.New<Node>());
            }

            for (int i = 0; i < 300_000; i++)
            {
                scope.Keep(scope.New<Node>());
            }
        }

        heap.Collect();
        nuint before = heap.Core.Metadata.UsedBytes;
        OsMemory os = heap.Core.Os;
        long taken = os.Calls(OsCall.AllocateMetadata);
        long discarded = os.Calls(OsCall.Discard);
        heap.Collect();

        // Of 64 chunks, 64, 128, 256 and so on: all but the first, which is kept. A call for each chunk would be a hundred times as many.
        long pieces = os.Calls(OsCall.AllocateMetadata) - taken;
        Assert.InRange(pieces, 2, 8);
        Assert.Equal(pieces, os.Calls(OsCall.Discard) - discarded);
        Assert.Equal(before, heap.Core.Metadata.UsedBytes);
    }
}
