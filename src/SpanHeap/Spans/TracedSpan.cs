using System.Runtime.InteropServices;

namespace SpanHeap.Spans;

/// <summary>
/// A run of pages with traced blocks of one kind in it, or one large traced block. Its record lies where any span's does; where a span
/// of manual blocks has its alloc bits, this has what sweeping needs.
/// </summary>
/// <remarks>
/// At any time exactly one of these may change it: the set that lists it (under the set's lock), who sweeps it, or the cache that
/// allocates from it. Which of them it is <see cref="SweepGen"/> says. The memory stays a record for as long as the heap lives, so who
/// comes late reads a generation that is not his, and nothing else.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct TracedSpan
{
    /// <summary>What all spans have. <see cref="Span.Next"/> and <see cref="Span.Listed"/>: by the lock of the set.</summary>
    [FieldOffset(0)]
    public Span Span;

    /// <summary>
    /// Where the span stands in the cycle of sweeping: see <c>SweepGeneration</c>. Changed by compare-exchange to begin a sweep, by a
    /// release store to end one, and by the cache that has the span.
    /// </summary>
    [FieldOffset(64)]
    public uint SweepGen;

    /// <summary>The kind of its blocks. Constant while the span is in use.</summary>
    [FieldOffset(68)]
    public uint Kind;

    /// <summary>Slots with an alloc bit: blocks, and slots that a cache has taken and not used yet. By who owns the span.</summary>
    [FieldOffset(72)]
    public int Allocated;

    /// <summary>Whether its one block faults once it is dead. Constant while the span is in use.</summary>
    [FieldOffset(76)]
    public bool IsGuarded;
}
