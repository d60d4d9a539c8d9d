using System.Runtime.InteropServices;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>What a cache knows of its nursery; see <see cref="Nursery"/>. Zero is a cache without one.</summary>
/// <remarks>Belongs to the thread of the cache, or to the collector, as the cache does.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 48)]
internal unsafe struct NurseryState
{
    /// <summary>
    /// Not 0 once a block of the nursery may be known outside of it. Read and cleared by the thread of the cache, by plain accesses. Set by any thread in a scope
    /// that stores a reference: the first to escape is stored by the thread of the cache itself, so another thread that sets it comes later and changes nothing.
    /// </summary>
    public int Escaped;

    /// <summary>Whether blocks were made since the nursery was last empty, beyond what the first words of its cursors have room for.</summary>
    public bool IsUsed;

    /// <summary>The span class of the first cursor that takes slots from the nursery; 0 if there is none. Each cursor names the next one.</summary>
    public uint First;

    /// <summary>Whether the scope that is open makes its blocks in the nursery.</summary>
    public bool IsActive;

    /// <summary>Whether the nursery should become active when the next scope begins.</summary>
    public bool IsDue;

    /// <summary>How many spans are taken outside of the nursery before it is tried again.</summary>
    public int Rest;

    /// <summary>How long the next rest is.</summary>
    public int NextRest;

    /// <summary>The large blocks of the nursery, in a list by <c>Next</c>.</summary>
    public TracedSpan* Large;

    /// <summary>The bytes of slots that are taken in the nursery and reported to nobody.</summary>
    public long Bytes;

    /// <summary>The bytes of slots that were freed at the ends of scopes, in all. Any thread reads it.</summary>
    public long BytesFreed;
}
