using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Sweeping;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Spans;

[Trait("Category", "Protocol")]
public sealed unsafe class TracedSpanSetTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Lists_hold_what_a_naive_model_holds_over_many_generations(int seed)
    {
        using TracedFakeArena arena = new();
        StressRandom random = new((ulong)seed);
        TracedSpanSet set = default;
        uint generation = SweepGeneration.First;
        List<nint> free = [.. Enumerable.Range(0, 60).Select(i => (nint)arena.MakeSpan(600 + (i * 16), 5))];
        HashSet<nint>[] swept = [[], []];
        HashSet<nint>[] unswept = [[], []];
        for (int step = 0; step < 50_000; step++)
        {
            switch (random.Below(7))
            {
                case < 3 when free.Count > 0:
                    TracedSpan* added = (TracedSpan*)free[^1];
                    free.RemoveAt(free.Count - 1);
                    added->Allocated = random.OneIn(2) ? added->Span.Slots : random.Below(added->Span.Slots);
                    set.AddSwept(added, generation);
                    swept[added->Allocated == added->Span.Slots ? 1 : 0].Add((nint)added);
                    break;
                case 3:
                    Taken(set.TakeSwept(generation), swept[0]);
                    break;
                case 4:
                    bool full = random.OneIn(2);
                    Taken(set.TakeUnswept(generation, full), unswept[full ? 1 : 0]);
                    break;
                case 5 when unswept[0].Count + unswept[1].Count == 0 && random.OneIn(4):
                    generation += SweepGeneration.Step;
                    (swept, unswept) = (unswept, swept);
                    break;
            }
        }

        Assert.InRange(generation, SweepGeneration.First + 20, uint.MaxValue);

        void Taken(TracedSpan* span, HashSet<nint> from)
        {
            Assert.Equal(from.Count == 0, span == null);
            if (span != null)
            {
                Assert.True(from.Remove((nint)span));
                Assert.False(span->Span.Listed);
                Assert.True(span->Span.Next == null);
                free.Add((nint)span);
            }
        }
    }
}
