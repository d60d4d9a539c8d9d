using System.Runtime.InteropServices;

namespace SpanHeap.Tracing;

/// <summary>A piece of a marker's stack: addresses of blocks that are marked and not looked into. 4 KiB.</summary>
/// <remarks>Belongs to the marker that has it, to the list that markers share, or to the spare ones.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct MarkChunk
{
    public const int Size = 4096;
    public const int Capacity = (Size / sizeof(long)) - 2;

    public MarkChunk* Next;
    public long Count;
    private fixed long _blocks[Capacity];

    public readonly bool IsFull => Count == Capacity;

    public void Push(nint block) => _blocks[Count++] = block;

    public nint Pop() => (nint)_blocks[--Count];
}
