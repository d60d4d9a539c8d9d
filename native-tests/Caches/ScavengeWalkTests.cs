using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Caches;

/// <summary>Each span that was listed at the beginning is looked at once, whatever happens to the list meanwhile.</summary>
public sealed unsafe class ScavengeWalkTests : IDisposable
{
    private const int Count = 12;
    private readonly Span* _spans = (Span*)NativeMemory.AllocZeroed(Count, (nuint)sizeof(Span));
    private ClassBin _bin;

    public void Dispose() => NativeMemory.Free(_spans);

    [Fact]
    public void A_bin_without_spans_has_no_walk()
    {
        ScavengeWalk walk = default;
        fixed (ClassBin* bin = &_bin)
        {
            ScavengeWalk.Begin(&walk, bin);
            Assert.False(walk.IsOn);
            ScavengeWalk.End(&walk);
            Assert.True(bin->Walks == null);
        }
    }

    [Fact]
    public void Walks_that_cross_see_each_span_once_while_spans_leave_and_come_back_at_either_end()
    {
        Random random = new(11);
        fixed (ClassBin* bin = &_bin)
        {
            for (int round = 0; round < 500; round++)
            {
                CrossWalks(bin, random);
            }
        }
    }

    private void CrossWalks(ClassBin* bin, Random random)
    {
        for (int i = 0; i < Count; i++)
        {
            _spans[i].FreeSlots = 1;
            bin->AddFirst(_spans + i);
        }

        ScavengeWalk* walks = stackalloc ScavengeWalk[2];
        List<int>[] seen = [[], []];
        HashSet<int>[] expected = [[.. Enumerable.Range(0, Count)], []];
        HashSet<int>[] moved = [[], []];
        walks[0] = walks[1] = default;
        ScavengeWalk.Begin(walks, bin);
        bool secondBegan = false;
        while (walks[0].IsOn || walks[1].IsOn || !secondBegan)
        {
            int who = random.Next(2);
            if (who == 1 && !secondBegan)
            {
                secondBegan = true;
                expected[1] = [.. Enumerable.Range(0, Count).Where(i => _spans[i].Listed)];
                ScavengeWalk.Begin(walks + 1, bin);
            }
            else if (walks[who].IsOn)
            {
                seen[who].Add((int)(ScavengeWalk.Advance(walks + who) - _spans));
            }

            int leaving = random.Next(Count);
            if (_spans[leaving].Listed)
            {
                bin->Remove(_spans + leaving);
                moved[0].Add(leaving);
                moved[1].Add(leaving);
                if (random.Next(2) == 0)
                {
                    bin->AddFirst(_spans + leaving);
                }
                else
                {
                    bin->AddLast(_spans + leaving);
                }
            }
        }

        for (int who = 0; who < 2; who++)
        {
            // Once at most, and all that stayed where they were.
            Assert.Equal(seen[who].Count, seen[who].Distinct().Count());
            Assert.Empty(expected[who].Except(moved[who]).Except(seen[who]));
        }

        Assert.True(bin->Walks == null);
        for (int i = 0; i < Count; i++)
        {
            bin->Remove(_spans + i);
        }
    }
}
