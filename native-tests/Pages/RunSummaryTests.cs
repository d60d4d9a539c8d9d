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

    [Fact]
    public void A_summary_kept_step_by_step_is_that_of_the_bits()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        ulong* bits = stackalloc ulong[Words];
        new Span<ulong>(bits, Words).Clear();
        RunSummary summary = RunSummary.Of(bits);
        int known = 0;
        for (int step = 0; step < 200_000; step++)
        {
            int start = random.Next(RunSummary.PagesPerChunk);
            bool free = PageBitmap.NextClear(bits, start, start + 1) != start;
            int end = free ? PageBitmap.NextClear(bits, start, RunSummary.PagesPerChunk) : PageBitmap.NextSet(bits, start, RunSummary.PagesPerChunk);
            int count = Math.Min(1 + random.Next(40), end - start);

            // Runs may begin before the chunk and end after it.
            int before = random.Next(2) * 7;
            int after = random.Next(2) * 9;
            if (free)
            {
                Around(bits, start, count, before, after, out int first, out int stop);
                PageBitmap.Clear(bits, start, count);
                if (summary.TryShorten(1000, 1000 + first, 1000 + stop, 1000 + start, 1000 + start + count))
                {
                    known++;
                }
                else
                {
                    summary = RunSummary.Of(bits);
                }
            }
            else
            {
                PageBitmap.Set(bits, start, count);
                Around(bits, start, count, before, after, out int first, out int stop);
                summary.Join(1000, 1000 + first, 1000 + stop);
            }

            Assert.Equal(RunSummary.Of(bits), summary);
        }

        Assert.True(known > 1000, $"only {known} runs were shortened without the bits");
    }

    private static void Around(ulong* bits, int start, int count, int before, int after, out int first, out int stop)
    {
        first = PageBitmap.StartOfRun(bits, start, 0);
        first = first == 0 ? -before : first;
        stop = PageBitmap.NextClear(bits, start + count, RunSummary.PagesPerChunk);
        stop = stop == RunSummary.PagesPerChunk ? stop + after : stop;
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
