using System.Runtime.InteropServices;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// Where a cache allocates blocks of one span class: a word of free slots of its span. The lowest set bit is the next block. All the word's slots were
/// marked as allocated when it was taken; a flush gives back those that were not used.
/// </summary>
/// <remarks>Belongs to its thread while that is in a scope, and to the collector while it is not. A zeroed cursor has no span and no slot.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct AllocCursor
{
    /// <summary>The slots of the word that are free.</summary>
    public ulong Free;

    /// <summary>The address that the word's lowest bit stands for.</summary>
    public nint Base;

    /// <summary>The span; null if the cursor has none.</summary>
    public TracedSpan* Span;

    /// <summary>The index of the span's next word.</summary>
    public int NextWord;

    /// <summary>Whether the block after these slots belongs to the guarded sample.</summary>
    public bool IsSampleNext;

    /// <summary>If the span is in the cache's nursery: the span class of the next cursor whose span is, or 0.</summary>
    public ushort NextInNursery;
}
