using SpanHeap.Pages;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Pages;

public sealed unsafe class RunSummaryTests(ITestOutputHelper output)
{
    private const int Words = RunSummary.PagesPerChunk / 64;

    [Fact]
    public void A_summary_agrees_with_a_naive_scan_of_random_runs()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        ulong* bits = stackalloc ulong[Words];
        var model = new bool[RunSummary.PagesPerChunk];
        for (int round = 0; round < 20_000; round++)
        {
            RandomRuns.Fill(random, bits, model);
            AssertAgrees(model, RunSummary.Of(bits));
        }
    }

    [Fact]
    public void A_summary_finds_a_single_run_of_every_length_at_every_place()
    {
        ulong* bits = stackalloc ulong[Words];
        for (int start = 0; start < RunSummary.PagesPerChunk; start += 3)
        {
            for (int length = 1; length <= RunSummary.PagesPerChunk - start; length += start % 2 == 0 ? 1 : 5)
            {
                new Span<ulong>(bits, Words).Clear();
                PageBitmap.Set(bits, start, length);
                RunSummary summary = RunSummary.Of(bits);
                Assert.Equal(length, summary.Max);
                Assert.Equal(start == 0 ? length : 0, summary.Start);
                Assert.Equal(start + length == RunSummary.PagesPerChunk ? length : 0, summary.End);
            }
        }
    }

    [Fact]
    public void A_summary_is_right_for_random_words_of_every_density()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        ulong* bits = stackalloc ulong[Words];
        var model = new bool[RunSummary.PagesPerChunk];
        for (int round = 0; round < 20_000; round++)
        {
            double density = random.NextDouble();
            for (int i = 0; i < model.Length; i++)
            {
                model[i] = random.NextDouble() < density;
                ulong bit = 1UL << (i % 64);
                bits[i / 64] = model[i] ? bits[i / 64] | bit : bits[i / 64] & ~bit;
            }

            AssertAgrees(model, RunSummary.Of(bits));
        }
    }

    private static void AssertAgrees(bool[] model, RunSummary summary)
    {
        int longest = 0;
        int run = 0;
        int first = -1;
        foreach (bool free in model)
        {
            if (!free && first < 0)
            {
                first = run;
            }

            run = free ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        Assert.Equal(first < 0 ? run : first, summary.Start);
        Assert.Equal(longest, summary.Max);
        Assert.Equal(run, summary.End);
    }
}
