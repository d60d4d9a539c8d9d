using System.Numerics;

namespace SpanHeap.Pages;

/// <summary>
/// What a search needs to know of 512 pages: the free pages they begin with, the longest free run inside, the free pages they end
/// with. (The idea of summarising chunks of a page bitmap this way is that of the Go runtime's page allocator.)
/// </summary>
internal struct RunSummary(int start, int max, int end) : IEquatable<RunSummary>
{
    public const int PagesPerChunk = 512;
    private const int WordsPerChunk = PagesPerChunk / 64;

    public ushort Start = (ushort)start;
    public ushort Max = (ushort)max;
    public ushort End = (ushort)end;

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

    /// <summary>Takes note that pages became free, which are part of the run [first, end) now.</summary>
    /// <param name="chunk">The chunk's first page; it has some of those pages.</param>
    /// <param name="first">The run's first page, in this chunk or before.</param>
    /// <param name="end">One past its last, in this chunk or behind.</param>
    public void Join(int chunk, int first, int end)
    {
        first = Math.Max(first - chunk, 0);
        end = Math.Min(end - chunk, PagesPerChunk);
        int length = end - first;
        Start = first == 0 ? (ushort)length : Start;
        End = end == PagesPerChunk ? (ushort)length : End;
        Max = Math.Max(Max, (ushort)length);
    }

    /// <summary>Takes note that [start, stop) was taken out of the run [first, end), if that can be told without the bits.</summary>
    /// <returns>False, and nothing has changed, when the run was the chunk's longest.</returns>
    public bool TryShorten(int chunk, int first, int end, int start, int stop)
    {
        first = Math.Max(first - chunk, 0);
        end = Math.Min(end - chunk, PagesPerChunk);
        if (end - first == Max)
        {
            return false;
        }

        Start = first == 0 ? (ushort)Math.Max(start - chunk, 0) : Start;
        End = end == PagesPerChunk ? (ushort)Math.Max(end - (stop - chunk), 0) : End;
        return true;
    }

    public readonly bool Equals(RunSummary other) => Start == other.Start && Max == other.Max && End == other.End;

    public override readonly bool Equals(object? obj) => obj is RunSummary other && Equals(other);

    public override readonly int GetHashCode() => HashCode.Combine(Start, Max, End);

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

        // What is left are the beginnings of the runs that beat it: a run of them is so much longer.
        int longest = 0;
        while (word != 0)
        {
            word >>= BitOperations.TrailingZeroCount(word);
            int beginnings = BitOperations.TrailingZeroCount(~word);
            longest = Math.Max(longest, beginnings);
            word = beginnings == 64 ? 0 : word >> beginnings;
        }

        return known + longest;
    }
}
