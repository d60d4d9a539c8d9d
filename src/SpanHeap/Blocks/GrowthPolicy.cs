using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>
/// Decides when a resized block gets more room than was requested, when it gives memory back, and when it moves for that. All sizes are in bytes.
/// </summary>
/// <remarks>The bounds are apart, so that a block whose size goes up and down a little never moves, or gains and loses pages, each time.</remarks>
internal static class GrowthPolicy
{
    // Below this size, a block that is too large is not worth moving.
    private const nuint SmallestShrunk = 64;

    // Blocks of these sizes that must grow become at least twice as large, so that a block that grows in small steps is not copied at each step.
    // Below, the copy costs less than the memory. Above, a step is small beside the copy that it may save, but the memory is not.
    private const nuint SmallestDoubled = 4 * 1024;
    private const nuint LargestDoubled = 2 * 1024 * 1024;

    // A block of a shared class whose contents fill at most this much of it moves to a smaller class. Doubling leaves a block more than half full,
    // because classes double exactly. This bound is a sixteenth less than half, so that a small step back does not move the block.
    private const nuint Sixteenths = 16;
    private const nuint MovedAtSixteenths = 7;

    // A block with a span of its own gives pages back when at least this share of it is not needed. That is the step between size classes, which is
    // what rounding up may cost as well.
    private const nuint CutShare = 8;

    /// <summary>Computes how much to request when a block that can hold <paramref name="usable"/> bytes must hold more, or less.</summary>
    public static nuint WithRoom(nuint usable, nuint byteCount)
    {
        if (byteCount <= usable || usable is < SmallestDoubled or > LargestDoubled)
        {
            return byteCount;
        }

        // The extra byte makes a block of 32 KiB a span of its own, which grows in place from then on.
        nuint doubled = 2 * usable;
        return Math.Max(byteCount, doubled == SizeClasses.MaxSharedSize ? doubled + 1 : doubled);
    }

    /// <summary>Determines whether a block is so much larger than its contents that it should be copied to a smaller one.</summary>
    public static bool IsWorthMoving(nuint usable, nuint byteCount) =>
        usable > SmallestShrunk && byteCount <= usable / Sixteenths * MovedAtSixteenths;

    /// <summary>Determines whether the end of a block should be given back, when this needs no copy.</summary>
    public static bool IsWorthCutting(nuint usable, nuint byteCount) => byteCount <= usable - (usable / CutShare);
}
