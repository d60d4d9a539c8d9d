using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>One size class: the facts that the tables are made of.</summary>
/// <param name="Size">Bytes of a block.</param>
/// <param name="Pages">Pages of a span.</param>
/// <param name="Slots">Blocks of a span.</param>
internal readonly record struct SizeClass(int Size, int Pages, int Slots);

/// <summary>
/// Makes the list of size classes. Eight classes per doubling bound what rounding up a size can waste by one eighth; spans are made
/// long enough that what is left over after their last block is at most one eighth as well.
/// </summary>
internal static class SizeClassGenerator
{
    /// <summary>The longest span of a class with several blocks: the page entry has four bits for the page within the span.</summary>
    public const int MaxPagesOfSlots = 16;

    /// <summary>Blocks up to here share spans; from here on a span holds one block.</summary>
    public const int MaxSharedSize = 32 * 1024;

    /// <summary>The largest size that has a class.</summary>
    public const int MaxClassSize = 4 * 1024 * 1024;

    private const int SmallestSize = 8;
    private const int SmallestStep = 16;
    private const int StepsPerDoubling = 8;

    // A shared span of one block would be none.
    private const int MinSlots = 4;

    // Below this many blocks, making a span is a large part of what they cost.
    private const int WantedSlots = 512;

    // ... but no span is stretched beyond this for their sake: a single block left in it holds all of it back.
    private const int MaxStretchedBytes = 64 * 1024;

    /// <summary>All classes from the smallest; class number = index + 1, because 0 means a run of pages without a class.</summary>
    public static SizeClass[] Generate()
    {
        // Counted first: a growing collection of our own type would be compiled for it each time a process starts.
        int count = 0;
        for (int size = SmallestSize; size <= MaxClassSize; size = Next(size))
        {
            count++;
        }

        SizeClass[] classes = new SizeClass[count];
        int made = 0;
        for (int size = SmallestSize; size <= MaxClassSize; size = Next(size))
        {
            classes[made++] = size <= MaxSharedSize ? Shared(size) : new SizeClass(size, size / PageGeometry.PageSize, 1);
        }

        return classes;
    }

    private static SizeClass Shared(int size)
    {
        int pages = 1;
        while (!IsGoodSpan(size, pages))
        {
            pages++;
        }

        return new SizeClass(size, pages, Slots(size, pages));
    }

    // As many as there is memory for, and bits: those of 8-byte blocks are a little fewer than their blocks would be.
    private static int Slots(int size, int pages) =>
        Math.Min(pages * PageGeometry.PageSize / size, ArenaHeader.BitsOfSpan(pages));

    private static bool IsGoodSpan(int size, int pages)
    {
        int bytes = pages * PageGeometry.PageSize;
        int slots = Slots(size, pages);
        bool longEnough = slots >= WantedSlots || (slots >= MinSlots && bytes >= MaxStretchedBytes);
        return longEnough && bytes - (slots * size) <= bytes / 8;
    }

    // Farther by an eighth of the power of two that the size has reached.
    private static int Next(int size)
    {
        if (size < SmallestStep)
        {
            return SmallestStep;
        }

        int step = (int)(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)size + 1) / 2 / StepsPerDoubling);
        return size + Math.Max(size < MaxSharedSize ? SmallestStep : PageGeometry.PageSize, step);
    }
}
