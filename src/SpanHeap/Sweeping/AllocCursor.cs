using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// Where a cache allocates blocks of one kind: a word of free slots of the span that it has. A block is the lowest set bit; the word's
/// slots were marked as allocated all at once when it was taken, and those not used are given back at a flush.
/// </summary>
/// <remarks>Belongs to its thread, while that is in a scope, or to the collector, while it is not. Zero has no span and no slot.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct AllocCursor
{
    /// <summary>Slots of the word that are to be had.</summary>
    public ulong Free;

    /// <summary>The address that the word's lowest bit stands for.</summary>
    public nint Base;

    /// <summary>The span; null without one.</summary>
    public TracedSpan* Span;

    /// <summary>The span's word that comes next.</summary>
    public int NextWord;

    /// <summary>Whether the block that comes after these slots is one of the sample that is guarded.</summary>
    public bool IsSampleNext;
}
