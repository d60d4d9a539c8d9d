using System.Runtime.InteropServices;

namespace SpanHeap.Tracing;

/// <summary>A piece of a marker's stack: pointers that are not looked at yet. 4 KiB.</summary>
/// <remarks>Belongs to the marker that has it, to the list that markers share (<see cref="MarkQueue"/>), or to the spare ones (<see cref="MarkChunks"/>).</remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct MarkChunk
{
    public const int Size = 4096;
    public const int Capacity = (Size / sizeof(long)) - 2;

    public MarkChunk* Next;

    /// <summary>Entries, while it is not the one that a marker pushes to.</summary>
    public long Count;
    private fixed long _entries[Capacity];

    public static nint* Entries(MarkChunk* chunk) => (nint*)chunk->_entries;
}
