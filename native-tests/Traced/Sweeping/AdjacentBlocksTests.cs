using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Bits that lie in one word, and threads that set them at the same time.</summary>
[Trait("Category", "Protocol")]
public sealed unsafe class AdjacentBlocksTests
{
    [Fact]
    public void S11_Markers_that_set_bits_of_one_word_lose_none()
    {
        const int Threads = 3;
        const int Count = 40_000;
        using TracedHeap heap = TracedHeaps.Still();
        nint[] blocks = MakeTiny(heap, Count);
        uint bitmap = SweepGeneration.MarkBitmap(heap.Parts.Sweeper.Generation);
        for (int round = 0; round < 5; round++)
        {
            using MarkQueue queue = new(heap.Core.Os, heap.Core.Metadata);
            queue.Begin(Threads);
            using Barrier together = new(Threads);
            StressThreads.Run(Threads, number =>
            {
                // Each every third block: all words are shared, and no block is.
                Marker marker = new(queue, heap.Parts.Team.Weak, bitmap, shared: true);
                together.SignalAndWait();
                for (int i = number; i < Count; i += Threads)
                {
                    marker.Visit(blocks[i]);
                }

                marker.Drain();
                marker.Release();
            });

            Assert.All(blocks, block => Assert.True(TracedBits.IsSet(block, bitmap)));
            Assert.Equal(Count, CountAndClear(heap, bitmap));
        }
    }

    [Fact]
    public void S11_Allocating_and_sweeping_side_by_side_disturb_no_neighbour()
    {
        const int Count = 30_000;
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 5; round++)
        {
            MakeTiny(heap, Count);
            QuietCycle.Mark(heap.Parts);
            nint[][] made = new nint[2][];
            StressThreads.Run(3, number =>
            {
                if (number < 2)
                {
                    made[number] = MakeTiny(heap, Count);
                    return;
                }

                while (heap.Parts.Sweeper.SweepOne(SweepReason.Background))
                {
                }
            });

            Assert.Equal(2 * Count, made[0].Concat(made[1]).Distinct().Count());
            uint bitmap = SweepGeneration.AllocBitmap(heap.Parts.Sweeper.Generation);
            Assert.All(made[0], block => Assert.True(TracedBits.IsSet(block, bitmap)));
            Assert.All(made[1], block => Assert.True(TracedBits.IsSet(block, bitmap)));
            heap.CollectAndSweep();
            Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        }
    }

    // Blocks of 16 bytes: each has a bit, and the next bit is its neighbour's.
    private static nint[] MakeTiny(TracedHeap heap, int count)
    {
        nint[] blocks = new nint[count];
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < count; i++)
        {
            blocks[i] = scope.New<Leaf>().Address;
        }

        return blocks;
    }

    private static int CountAndClear(TracedHeap heap, uint bitmap)
    {
        int sum = 0;
        TracedWalk walk = new(heap.Core.Pages);
        while (walk.MoveNext())
        {
            sum += TracedSlots.Count(walk.Current, bitmap);
            TracedSlots.Clear(walk.Current, bitmap);
        }

        return sum;
    }
}
