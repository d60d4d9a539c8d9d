using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// When a resized block gets more room than was asked for, when it gives memory back, and when it moves for that. All sizes are bytes.
/// </summary>
/// <remarks>
/// The bounds lie apart, so that a size that goes up and down by a little never makes a block move, or gain and lose pages, each time.
/// </remarks>
internal static class ResizePolicy
{
    // Below this, a block that is too large is not worth moving.
    private const nuint SmallestShrunk = 64;

    // Blocks of these sizes that must grow become twice as large at least, so that what grows in small steps is not copied at each.
    // Below, the copy costs less than the memory; above, a step is small beside the copy it may save, and the memory is not.
    private const nuint SmallestDoubled = 4 * 1024;
    private const nuint LargestDoubled = 2 * 1024 * 1024;

    // A block of a shared class that holds at most so much of itself moves to a smaller class. Doubling leaves a block more than half
    // full, because classes double exactly; a sixteenth less than half, so that a small step back does not move it.
    private const nuint Sixteenths = 16;
    private const nuint MovedAtSixteenths = 7;

    // A block that is a span of its own gives pages back when at least so much of it is not needed: the step between size classes,
    // which is what rounding up may cost as well.
    private const nuint CutShare = 8;

    /// <summary>How much to ask for when a block that can hold <paramref name="usable"/> bytes is to hold more, or less.</summary>
    public static nuint WithRoom(nuint usable, nuint byteCount)
    {
        if (byteCount <= usable || usable is < SmallestDoubled or > LargestDoubled)
        {
            return byteCount;
        }

        // The one byte more makes 32 KiB a span of its own, which grows in place from then on.
        nuint doubled = 2 * usable;
        return Math.Max(byteCount, doubled == SizeClasses.MaxSharedSize ? doubled + 1 : doubled);
    }

    /// <summary>Whether a block is so much too large for what it is to hold that it should be copied to a smaller one.</summary>
    public static bool IsWorthMoving(nuint usable, nuint byteCount) =>
        usable > SmallestShrunk && byteCount <= usable / Sixteenths * MovedAtSixteenths;

    /// <summary>Whether the end of a block that needs no copy for it should be given back.</summary>
    public static bool IsWorthCutting(nuint usable, nuint byteCount) => byteCount <= usable - (usable / CutShare);
}
