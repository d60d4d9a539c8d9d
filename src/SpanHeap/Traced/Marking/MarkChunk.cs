using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Marking;

/// <summary>A chunk of a marker's stack, of 4 KiB: pointers that have not been followed yet.</summary>
/// <remarks>
/// Belongs to a marker, to the list that markers share (<see cref="MarkQueue"/>), or to the spare chunks (<see cref="MarkChunks"/>).
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct MarkChunk
{
    public const int Size = 4096;
    public const int Capacity = (Size / sizeof(long)) - 2;

    public MarkChunk* Next;

    /// <summary>The number of entries, except while a marker pushes to the chunk.</summary>
    public long Count;
    private fixed long _entries[Capacity];

    public static nint* Entries(MarkChunk* chunk) => (nint*)chunk->_entries;
}
