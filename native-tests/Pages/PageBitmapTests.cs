using SpanHeap.Pages;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Pages;

public sealed unsafe class PageBitmapTests(ITestOutputHelper output)
{
    private const int Bits = 256;

    [Fact]
    public void Set_clear_and_count_agree_with_an_array_of_bools_for_every_range()
    {
        ulong* bits = stackalloc ulong[Bits / 64];
        for (int start = 0; start <= Bits; start += 7)
        {
            for (int count = 0; count <= Bits - start; count++)
            {
                new Span<ulong>(bits, Bits / 64).Clear();
                PageBitmap.Set(bits, start, count);
                AssertRange(bits, start, count, inside: true);
                Assert.Equal(count, PageBitmap.Count(bits, 0, Bits));
                Assert.Equal(Math.Max(0, count - 1), PageBitmap.Count(bits, start + Math.Min(1, count), Math.Max(0, count - 1)));

                new Span<ulong>(bits, Bits / 64).Fill(ulong.MaxValue);
                PageBitmap.Clear(bits, start, count);
                AssertRange(bits, start, count, inside: false);
            }
        }
    }

    [Fact]
    public void Searches_agree_with_a_naive_scan_of_random_words()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        ulong* bits = stackalloc ulong[Bits / 64];
        var model = new bool[Bits];
        for (int round = 0; round < 20_000; round++)
        {
            RandomRuns.Fill(random, bits, model);
            int start = random.Next(Bits + 1);
            int end = random.Next(start, Bits + 1);
            int count = random.Next(1, 1 + random.Next(1, Bits));
            Assert.Equal(NaiveNext(model, start, end, true), PageBitmap.NextSet(bits, start, end));
            Assert.Equal(NaiveNext(model, start, end, false), PageBitmap.NextClear(bits, start, end));
            Assert.Equal(NaiveRun(model, start, end, count), PageBitmap.FindRun(bits, start, end, count));
            Assert.Equal(model[start..end].Count(static b => b), PageBitmap.Count(bits, start, end - start));
        }
    }

    private static void AssertRange(ulong* bits, int start, int count, bool inside)
    {
        for (int i = 0; i < Bits; i++)
        {
            bool expected = (i >= start && i < start + count) == inside;
            if (((bits[i / 64] >> (i % 64)) & 1) != 0 != expected)
            {
                Assert.Fail($"bit {i} of the range {start}+{count} is {!expected}");
            }
        }
    }

    private static int NaiveNext(bool[] model, int start, int end, bool wanted)
    {
        while (start < end && model[start] != wanted)
        {
            start++;
        }

        return start;
    }

    private static int NaiveRun(bool[] model, int start, int end, int count)
    {
        int run = 0;
        for (int i = start; i < end; i++)
        {
            run = model[i] ? run + 1 : 0;
            if (run == count)
            {
                return i - count + 1;
            }
        }

        return -1;
    }
}
