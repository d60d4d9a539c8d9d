using System.Runtime.InteropServices;

namespace SpanHeap.Spans;

/// <summary>
/// What a span needs to know of the cache that owns it. It is a part of that cache, so the address of one gives the address of the other.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal struct SpanOwner
{
    /// <summary>The serial number of the heap; 0 while the owner is in no heap. Written when the owner joins or leaves a heap.</summary>
    public ulong HeapSerial;

    /// <summary>The owner's number, shifted as in page entries. Constant while the owner belongs to a heap.</summary>
    public uint Tag;
}
