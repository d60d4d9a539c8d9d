using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Marking;

/// <summary>A chunk of a marker's queue, of 4 KiB: addresses of pages that have not been looked at yet.</summary>
/// <remarks>
/// Belongs to a marker, to the list that markers share (<see cref="MarkQueue"/>), or to the spare chunks (<see cref="MarkChunks"/>).
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct MarkChunk
{
    public const int Size = 4096;
    public const int Capacity = (Size / sizeof(long)) - 2;

    public MarkChunk* Next;

    /// <summary>The number of entries that were added.</summary>
    public long Count;
    private fixed long _entries[Capacity];

    public static nint* Entries(MarkChunk* chunk) => (nint*)chunk->_entries;
}
