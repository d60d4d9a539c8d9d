using SpanHeap.Spans;

namespace SpanHeap.Guard.Sampling;

/// <summary>Computes what a guarded block counts towards the heap's limit, and counts it.</summary>
/// <remarks>
/// A block counts while it lives; a freed block does not count. Nor does a small block of a sample, because samples have a budget of their own, and
/// without its guard the block might have had a slot that is counted already. Thread safe.
/// </remarks>
internal sealed class GuardCharge(HeapLimit limit, bool guardsAll)
{
    // What the smallest blocks of a heap without guards count, however few bytes were requested.
    private const nuint Smallest = 16;

    /// <summary>The bytes that a live block of a size counts.</summary>
    public nuint Of(nuint byteCount) => guardsAll || byteCount > SizeClasses.MaxSharedSize ? Math.Max(byteCount, Smallest) : 0;

    /// <summary>Stops counting a block of a size.</summary>
    public void Release(nuint byteCount) => limit.CountGuarded(-(long)Of(byteCount));

    /// <summary>Counts a block of a size again, whether or not the limit allows it.</summary>
    public void Restore(nuint byteCount) => limit.CountGuarded((long)Of(byteCount));
}
