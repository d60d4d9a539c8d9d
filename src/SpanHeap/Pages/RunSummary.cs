using System.Numerics;

namespace SpanHeap.Pages;

/// <summary>
/// What a search needs to know about 512 pages: the number of free pages at their start, the longest free run inside, and the number of free pages at
/// their end. (The page allocator of the Go runtime summarizes chunks of its bitmap in this way.)
/// </summary>
internal struct RunSummary(int start, int max, int end) : IEquatable<RunSummary>
{
    public const int PagesPerChunk = 512;
    private const int WordsPerChunk = PagesPerChunk / 64;

    public ushort Start = (ushort)start;
    public ushort Max = (ushort)max;
    public ushort End = (ushort)end;

    /// <summary>Summarizes the chunk whose free bits begin at <paramref name="bits"/>.</summary>
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

    /// <summary>Notes that pages became free that are part of the run [first, end) now.</summary>
    /// <param name="chunk">The first page of the chunk, which has some of those pages.</param>
    /// <param name="first">The run's first page, in this chunk or before.</param>
    /// <param name="end">One past the run's last page, in this chunk or after.</param>
    public void Join(int chunk, int first, int end)
    {
        first = Math.Max(first - chunk, 0);
        end = Math.Min(end - chunk, PagesPerChunk);
        int length = end - first;
        Start = first == 0 ? (ushort)length : Start;
        End = end == PagesPerChunk ? (ushort)length : End;
        Max = Math.Max(Max, (ushort)length);
    }

    /// <summary>Notes that [start, stop) was taken out of the run [first, end), if the new summary can be computed without the bits.</summary>
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

        // What is left are the beginnings of the runs that beat it, and the length of a run of these is the difference.
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
