using System.Numerics;

namespace SpanHeap.Pages;

/// <summary>
/// What a search needs to know of 512 pages: the free pages they begin with, the longest free run inside, the free pages they end
/// with. (The idea of summarising chunks of a page bitmap this way is that of the Go runtime's page allocator.)
/// </summary>
internal readonly struct RunSummary(int start, int max, int end)
{
    public const int PagesPerChunk = 512;
    private const int WordsPerChunk = PagesPerChunk / 64;

    public readonly ushort Start = (ushort)start;
    public readonly ushort Max = (ushort)max;
    public readonly ushort End = (ushort)end;

    /// <summary>Summarises the chunk whose free bits begin at <paramref name="bits"/>.</summary>
    public static unsafe RunSummary Of(ulong* bits)
    {
        int start = -1;
        int max = 0;
        int run = 0;
        for (int i = 0; i < WordsPerChunk; i++)
        {
            ulong word = bits[i];
            if (word == ulong.MaxValue)
            {
                run += 64;
                continue;
            }

            run += BitOperations.TrailingZeroCount(~word);
            if (start < 0)
            {
                start = run;
            }

            max = Math.Max(max, run);
            max = LongestInside(word, max);
            run = BitOperations.LeadingZeroCount(~word);
        }

        return start < 0 ? new RunSummary(PagesPerChunk, PagesPerChunk, PagesPerChunk) : new RunSummary(start, Math.Max(max, run), run);
    }

    // The longest run of ones in the word if it beats the known one. A word shifted over itself keeps a one only where a run of the
    // summed length begins, so doubling reaches the first length of interest in a few steps.
    private static int LongestInside(ulong word, int known)
    {
        if (BitOperations.PopCount(word) <= known)
        {
            return known;
        }

        int length = 1;
        while (length <= known && word != 0)
        {
            int step = Math.Min(length, known + 1 - length);
            word &= word >> step;
            length += step;
        }

        if (word == 0)
        {
            return known;
        }

        while ((word &= word >> 1) != 0)
        {
            length++;
        }

        return length;
    }
}
