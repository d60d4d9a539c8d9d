using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// A run of pages with traced blocks of one span class, or with one large traced block. Its record lies where any span's does; where a span of manual
/// blocks has its alloc bits, it has what sweeping needs.
/// </summary>
/// <remarks>
/// At any time exactly one of these may change it: the set that lists it (under the set's lock), the thread that sweeps it, or the cache that
/// allocates from it. <see cref="SweepGen"/> says which. The memory stays a record for as long as the heap lives, so a thread that comes late only
/// reads a generation that does not match.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct TracedSpan
{
    /// <summary>What all spans have in common. The lock of the set guards <see cref="Span.Next"/> and <see cref="Span.Listed"/>.</summary>
    [FieldOffset(0)]
    public Span Span;

    /// <summary>
    /// The state of the span in the cycle of sweeping: see <c>SweepGeneration</c>. Changed by compare-exchange to begin a sweep, by a release store
    /// to end one, and by the cache that has the span.
    /// </summary>
    [FieldOffset(64)]
    public uint SweepGen;

    /// <summary>The span class of its blocks. Constant while the span is in use.</summary>
    [FieldOffset(68)]
    public uint SpanClass;

    /// <summary>
    /// The number of slots with an alloc bit: blocks, and slots that a cache has taken but not used yet. Changed by the owner of the span.
    /// </summary>
    [FieldOffset(72)]
    public int Allocated;

    /// <summary>Whether accesses to its one block fault once the block is dead. Constant while the span is in use.</summary>
    [FieldOffset(76)]
    public bool IsGuarded;

    /// <summary>
    /// With full checks: the number of the span among all that entered quarantine, from 1; 0 if it is not there. Guarded by the lock of the
    /// quarantine; while the span is swept, it belongs to the thread that sweeps it.
    /// </summary>
    [FieldOffset(80)]
    public long KeptNumber;

    /// <summary>
    /// The flag of the nursery that the span is in, which says whether a block has escaped; null for a span in none. Written by the thread whose nursery it is,
    /// or that has its cache; read by threads in a scope that may refer to a block of the span.
    /// </summary>
    [FieldOffset(88)]
    public int* Nursery;
}
